import { expect, expectAccessible, open, register, store, test } from '../fixtures';
import { Card, KEYS } from '../pages';

test.beforeEach(({ page }) => register(page));

test('a key of another provider is noticed while it is typed, and may be sent all the same', async ({ page }) => {
  await open(page, KEYS);
  const openai = new Card(page, 'openai');
  await openai.add.click();
  await openai.field('api_key').fill(`sk-ant-api03-${'x'.repeat(95)}`);
  const hint = openai.root.locator('.field-hint:visible');
  await expect(hint).toHaveText('This looks like a key of Anthropic. If you are sure, send it as it is.');
  await expect(openai.field('api_key')).toHaveAttribute('aria-describedby', /openai-api_key-hint/);
  await expect(openai.send).toBeEnabled();
  await expectAccessible(page);
  await openai.field('api_key').fill(`sk-proj-${'x'.repeat(48)}`);
  await expect(hint).toHaveCount(0);
});

test('an admin key is refused where it was typed, and no provider is asked', async ({ page, simulator, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/store_key/);
  await open(page, KEYS);
  for (const [provider, key] of [
    ['openai', `sk-admin-${'x'.repeat(48)}`],
    ['anthropic', `sk-ant-admin01-${'x'.repeat(95)}`],
  ] as const) {
    const card = new Card(page, provider);
    await card.add.click();
    await card.give({ api_key: key });
    await expect(card.root).toContainText('This is an admin key. It manages the organisation');
    await expect(card.field('api_key')).toHaveAttribute('aria-invalid', 'true');
    await expect(card.field('api_key')).toBeFocused();
    await expect(card.state).toHaveText('Not set up');
  }
  await expectAccessible(page);
  const asked = (await simulator.requests()).map(({ provider }) => String(provider));
  expect(asked.filter((provider) => ['openai', 'anthropic'].includes(provider))).toEqual([]);
});

test('a key of ElevenLabs has its region, on the page and through REST', async ({ page, server, simulator }) => {
  const key = await simulator.key('elevenlabs', 'plenty');
  await open(page, KEYS);
  const card = new Card(page, 'elevenlabs');
  await card.add.click();
  await card.field('region').selectOption({ label: 'European Union (data residency)' });
  await card.give(key);
  await expect(card.state).toHaveText('Valid');
  await expect(card.root).toContainText('Region EU');
  const stored = async (): Promise<unknown> => {
    const { items } = (await (await page.request.get('/api/user-api-keys')).json()) as { items: { region: string }[] };
    return items.map(({ region }) => region);
  };
  expect(await stored()).toEqual(['eu']);

  await page.context().clearCookies();
  await register(page);
  await store(page, server, 'elevenlabs', { ...key, region: 'eu' });
  expect(await stored()).toEqual(['eu']);
  await open(page, KEYS);
  await expect(card.root).toContainText('Region EU');
  // A region that there is not is no region.
  const request = { headers: { origin: server.url }, data: { credentials: { ...key, region: 'moon' } } };
  expect((await page.request.put('/api/user-api-keys/elevenlabs', request)).status()).toBe(422);
});
