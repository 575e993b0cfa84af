import { expect, newPerson, open, register, store, test } from '../fixtures';
import { Card, SCRAPER } from '../pages';

const SERVICES = [
  { path: '/services/data-scraper', closed: 'Data Scraper needs SerpAPI' },
  { path: '/services/ai-calling', closed: 'AI Calling Agent needs three things' },
  { path: '/services/voice-cloning', closed: 'Voice Cloning needs ElevenLabs' },
  { path: '/services/calling', closed: 'Calling Operations needs Twilio' },
  { path: '/analytics', closed: 'Analytics needs a stored key' },
];
const NOT_BUILT = 'The service itself is not part of this version of Keyward';

for (const { path, closed } of SERVICES) {
  test(`${path} leads visitors to the log-in page and back`, async ({ page, request }) => {
    const answer = await request.get(path, { maxRedirects: 0 });
    expect(answer.status()).toBe(303);
    expect(answer.headers().location).toBe(`/login?next=${path}`);

    const person = newPerson();
    await open(page, path);
    await expect(page).toHaveURL(`/login?next=${path}`);
    await page.getByRole('link', { name: 'Create one' }).click();
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page).toHaveURL(path);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(closed);
  });
}

test('closed services do not send what is behind the guard', async ({ page }) => {
  await register(page);
  for (const { path } of SERVICES) {
    const body = await (await page.request.get(path)).text();
    expect(body).not.toContain(NOT_BUILT);
    expect(body).not.toContain('search-form');
    expect(body).not.toContain('speech-form');
  }
});

test('a key given in place opens the service in place', async ({ page, server, simulator }) => {
  await register(page);
  await open(page, SCRAPER);
  await new Card(page, 'serpapi').give(await simulator.key('serpapi', 'plenty'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper');
  await expect(page.getByRole('button', { name: 'Search', exact: true })).toBeVisible();
  await expect(page.locator('#main')).toBeFocused();
  await expect(page.getByRole('status')).toHaveText('Data Scraper is open.');
  expect(page.url()).toBe(`${server.url}${SCRAPER}`);
});

test('a service that is not built yet says so once it is open', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await open(page, '/services/ai-calling');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('AI Calling Agent needs two things');
  await expect(page.getByText('Twilio is ready.')).toBeVisible();
  await store(page, server, 'openai', await simulator.key('openai', 'plenty'));
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'plenty'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('AI Calling Agent');
  await expect(page.getByText(NOT_BUILT)).toBeVisible();
});

test('a Twilio account without a voice number keeps calls closed and says what is missing', async ({
  page,
  server,
  simulator,
}) => {
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'no_voice_number'));
  await open(page, '/services/calling');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Calling Operations is closed');
  const twilio = new Card(page, 'twilio');
  await expect(twilio.state).toHaveText('Limited');
  await expect(twilio.root).toContainText('lacks a number that can make voice calls');
  await simulator.change('twilio', 'no_voice_number', { situation: 'full' });
  await twilio.checkNow.click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Calling Operations');
  await expect(page.getByRole('button', { name: 'Call', exact: true })).toBeVisible();
});
