import { expect, open, register, test } from '../fixtures';
import { Card, KEYS } from '../pages';

const NOT_BUILT = 'The service itself is not part of this version of Keyward';

/** The key to give next, and the services that are open afterwards. */
const WALK = [
  { provider: 'serpapi', id: 'plenty', open: ['Data Scraper', 'Analytics'] },
  { provider: 'twilio', id: 'full', open: ['Data Scraper', 'Calling Operations', 'Analytics'] },
  {
    provider: 'elevenlabs',
    id: 'plenty',
    open: ['Data Scraper', 'Voice Cloning', 'Calling Operations', 'Analytics'],
  },
  {
    provider: 'openai',
    id: 'plenty',
    open: ['Data Scraper', 'AI Calling Agent', 'Voice Cloning', 'Calling Operations', 'Analytics'],
  },
];
/** The services that this version can do. */
const BUILT = ['Data Scraper', 'Voice Cloning', 'Calling Operations', 'Analytics'];
const PATHS: Record<string, string> = {
  'Data Scraper': '/services/data-scraper',
  'AI Calling Agent': '/services/ai-calling',
  'Voice Cloning': '/services/voice-cloning',
  'Calling Operations': '/services/calling',
  Analytics: '/analytics',
};

test('four keys open five services, one after the other', async ({ page, simulator }) => {
  await register(page);
  for (const { provider, id, open: opened } of WALK) {
    await open(page, '/');
    const next = page.getByRole('main').locator('.setup');
    await expect(next).toBeVisible();
    await open(page, KEYS);
    const card = new Card(page, provider);
    await card.add.click();
    await card.give(await simulator.key(provider, id));
    await expect(card.state).toHaveText('Valid');
    const services = page.locator('.only-wide .service-row');
    await expect(services.filter({ has: page.locator('.pill', { hasText: 'Open' }) })).toHaveCount(opened.length);
    for (const [name, path] of Object.entries(PATHS)) {
      await open(page, path);
      const heading = page.getByRole('heading', { level: 1 });
      if (!opened.includes(name)) {
        await expect(heading).toHaveText(/ needs /);
      } else {
        await expect(heading).toHaveText(name);
        if (!BUILT.includes(name)) await expect(page.getByText(NOT_BUILT)).toBeVisible();
      }
    }
  }
  await open(page, '/');
  await expect(page.getByText('5 of 5 open')).toBeVisible();
  await expect(page.getByRole('main').locator('.setup')).toHaveCount(0);
});
