import { existsSync } from 'node:fs';
import { expect, expectAccessible, open, register, test as usual, type WorkerFixtures } from '../fixtures';
import { Card, KEYS } from '../pages';

/** The tests of this file have a demonstration as their server, with nothing set but where it lies. */
const test = usual.extend<object, Pick<WorkerFixtures, 'server'>>({
  server: [
    async ({ fleet, engine }, use, { workerIndex }) => use(await fleet.startDemo(`demo-${engine}-${workerIndex}`)),
    { scope: 'worker', timeout: 60_000 },
  ],
});

const PAGES = [
  '/',
  '/demo',
  KEYS,
  '/settings/account',
  '/services/data-scraper',
  '/services/ai-calling',
  '/services/voice-cloning',
  '/services/calling',
  '/analytics',
];

test('every page of a demonstration says so and leads to the test keys', async ({ page, server, complaints }) => {
  complaints.allow(/status of 404 /);
  const banner = page.getByRole('complementary', { name: 'Demonstration' });
  for (const path of ['/', '/login', '/register', '/demo', '/nowhere']) {
    await open(page, path);
    await expect(banner, path).toContainText('a simulator stands in for every provider');
  }
  await register(page);
  for (const path of PAGES) {
    await open(page, path);
    await expect(banner, path).toBeVisible();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  }
  await open(page, KEYS);
  await banner.getByRole('link', { name: 'Test keys' }).click();
  await expect(page).toHaveURL('/demo');
  // All of it lies in a folder of its own.
  expect(existsSync(server.database.replace('sqlite:', ''))).toBe(true);
  expect(existsSync(`${server.dataDir}/keyward.db`)).toBe(false);
});

test('a listed key is stored as valid, and one that is not listed is refused', async ({ page, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/store_key/);
  await register(page);
  await open(page, '/demo');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Test keys');
  for (const provider of ['SerpAPI', 'Twilio', 'ElevenLabs', 'OpenAI', 'Anthropic']) {
    const keys = page.getByRole('region', { name: provider, exact: true });
    expect(await keys.getByRole('listitem').count(), provider).toBeGreaterThan(1);
  }
  const serpapi = page.getByRole('region', { name: 'SerpAPI', exact: true });
  const listed = await serpapi.getByRole('listitem').first().locator('code').innerText();

  await open(page, KEYS);
  const card = new Card(page, 'serpapi');
  await card.add.click();
  await card.give({ api_key: listed.replace(/.$/, 'z') });
  await expect(card.refusal).toBeVisible();
  await card.give({ api_key: listed });
  await expect(card.state).toHaveText('Valid');
});

test('the page of the test keys is accessible', async ({ page }) => {
  await open(page, '/demo');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Test keys');
  await expectAccessible(page);
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, `pixels too wide at ${width}`).toBeLessThanOrEqual(0);
  }
});
