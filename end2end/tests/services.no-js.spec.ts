import { expect, register, store, test } from '../fixtures';

const CALLING = '/services/calling';
const VOICES = '/services/voice-cloning';

test('a refused call keeps what was typed, and the next try rings', async ({ page, server, simulator }) => {
  await simulator.pace({ second_ms: 20, webhook_timeout_ms: 15_000, price_after: 1 });
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await page.goto(CALLING);
  await page.getByLabel('Call', { exact: true }).fill('not a number');
  await page.getByLabel('Country').selectOption({ label: 'Germany (+49)' });
  await page.getByLabel('Language of the message').selectOption({ index: 2 });
  const language = await page.getByLabel('Language of the message').inputValue();
  await page.getByLabel('Message', { exact: true }).fill('Your order & receipt\nare ready.');
  await page.getByLabel('Record the call').check();
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(page.locator('#to-error')).toContainText('The number');
  await expect(page.getByLabel('Call', { exact: true })).toHaveValue('not a number');
  await expect(page.getByLabel('Country')).toHaveValue('DE');
  await expect(page.getByLabel('Language of the message')).toHaveValue(language);
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('Your order & receipt\nare ready.');
  await expect(page.getByLabel('Record the call')).toBeChecked();

  await page.getByLabel('Country').selectOption('');
  await page.getByLabel('Call', { exact: true }).fill('+12125550188');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(page.getByRole('heading', { level: 2, name: '+12125550188' })).toBeVisible();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('no price from Twilio so far').or(page.getByText('USD'))).toBeVisible({ timeout: 500 });
  }).toPass();
  await page.getByRole('button', { name: 'Listen' }).click();
  await page.goto(CALLING);
  await expect(page.getByRole('link', { name: '+12125550188' })).toBeVisible();
});

test('a call that is sent twice because its answer was lost is one call', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await page.goto(CALLING);
  await page.route('**/api/rpc/place_call', async (route) => {
    await route.fetch({ maxRedirects: 0 });
    await route.continue();
  });
  await page.getByLabel('Call', { exact: true }).fill('+12125550188');
  await page.getByLabel('Message', { exact: true }).fill('Hello.');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(page.getByRole('heading', { level: 2, name: '+12125550188' })).toBeVisible();
  const calls = page.locator('.cards-list h3');
  await page.goto(CALLING);
  await expect(calls).toHaveText(['+12125550188']);

  // Days without JavaScript are those of UTC.
  const [today, tomorrow] = [0, 86_400_000].map((ahead) => new Date(Date.now() + ahead).toISOString().slice(0, 10));
  await page.getByLabel('Ordered from').fill(tomorrow ?? '');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page.getByText('No call fits.')).toBeVisible();
  await expect(page.getByText('Days are those of UTC.')).toBeVisible();
  await page.getByLabel('Ordered from').fill(today ?? '');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(calls).toHaveText(['+12125550188']);
});

test('a refused search keeps what was typed', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await page.goto('/services/data-scraper');
  await page.getByLabel('What').fill('bakery & café');
  await page.getByLabel('Where').fill(' ');
  await page.getByLabel('How many').selectOption('60');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page.locator('#place-error')).toContainText('Where');
  await expect(page.getByLabel('What')).toHaveValue('bakery & café');
  await expect(page.getByLabel('How many')).toHaveValue('60');
});

test('a voice is heard, renamed and deleted', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'plenty'));
  await page.goto(`${VOICES}?search=narr&kind=own`);
  const rows = page.locator('main section', { hasText: 'Voices' }).first().locator('.card');
  await expect(rows).toHaveCount(1);

  await rows.getByRole('link', { name: 'Listen' }).click();
  // The browser makes a page of the sound.
  const sound = page.locator('video, audio');
  await expect.poll(() => sound.evaluate((element: HTMLMediaElement) => element.readyState)).toBeGreaterThanOrEqual(1);
  await page.goBack();

  await rows.locator('summary', { hasText: 'Rename' }).click();
  await rows.getByLabel('Name').fill('Storyteller');
  await rows.getByRole('button', { name: 'Rename it' }).click();
  await page.goto(`${VOICES}?search=storyteller`);
  await expect(page.getByRole('heading', { name: 'Storyteller' })).toBeVisible();
  await rows.locator('summary', { hasText: 'Delete' }).click();
  await rows.getByRole('button', { name: 'Delete it' }).click();
  await page.goto(`${VOICES}?search=storyteller`);
  await expect(page.getByText('No such voice.')).toBeVisible();
});
