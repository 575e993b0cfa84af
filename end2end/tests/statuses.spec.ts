import { query } from '../database';
import { expect, open, register, store, test } from '../fixtures';
import { Card, KEYS } from '../pages';

test.beforeEach(({ page }) => register(page));

test('a valid key shows plan, quota and hint', async ({ page, server, simulator }) => {
  const fields = await simulator.key('serpapi', 'plenty');
  await store(page, server, 'serpapi', fields);
  await open(page, KEYS);
  const serpapi = new Card(page, 'serpapi');
  await expect(serpapi.state).toHaveText('Valid');
  await expect(serpapi.root).toContainText('Starter');
  await expect(serpapi.root.getByRole('meter', { name: 'Searches left' })).toHaveAttribute('aria-valuenow', '958');
  await expect(serpapi.root).toContainText(/958 of 1,000 searches left, resets \d/);
  await expect(serpapi.root).toContainText(`Key …${fields.api_key?.slice(-4)}`);
  await expect(serpapi.root.locator('.key-checked')).toHaveText('checked just now');
});

test('a key with nothing left is accepted and says until when', async ({ page, server, simulator }) => {
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'exhausted'));
  await open(page, KEYS);
  const serpapi = new Card(page, 'serpapi');
  await expect(serpapi.state).toHaveText('No searches left');
  await expect(serpapi.root).toContainText('nothing is left on the account');
  await expect(serpapi.root).toContainText(/stay closed until \d.*, or until you add more/);
  await expect(serpapi.root.getByRole('link', { name: 'Add more at SerpAPI' })).toBeVisible();
  await page.goto('/services/data-scraper');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper is closed');
});

test('a key that dies is found out by “Check now”, which says what it does', async ({ page, server, simulator }) => {
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, KEYS);
  const serpapi = new Card(page, 'serpapi');
  await expect(serpapi.state).toHaveText('Valid');
  await simulator.change('serpapi', 'plenty', { situation: 'invalid' });
  await simulator.fault({ provider: 'serpapi', key: 'plenty', fault: { kind: 'slow', milliseconds: 2_000 } });
  await serpapi.checkNow.click();
  await expect(serpapi.state).toHaveText('Asking SerpAPI…');
  await expect(serpapi.root.getByRole('button', { name: 'Asking…' })).toHaveAttribute('aria-disabled', 'true');
  await expect(serpapi.state).toHaveText('Not accepted');
  await expect(serpapi.checkNow).toBeFocused();
  await expect(serpapi.root).toContainText('SerpAPI did not accept this key.');
  await expect(serpapi.root).toContainText('Replace it with a new one.');
  await expect(serpapi.root.locator('.key-checked')).toContainText('next check in');
  // What the account was tells which key it is.
  await expect(serpapi.root).toContainText('Starter');

  await simulator.change('serpapi', 'plenty', { situation: 'plenty' });
  await serpapi.checkNow.click();
  await expect(serpapi.state).toHaveText('Valid');
  await expect(page.getByRole('status')).toContainText('SerpAPI: Valid.');
});

test('a suspended account and a closed one are told apart', async ({ page, server, simulator }) => {
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await open(page, KEYS);
  const twilio = new Card(page, 'twilio');
  await simulator.change('twilio', 'full', { situation: 'suspended' });
  await twilio.checkNow.click();
  await expect(twilio.state).toHaveText('Suspended');
  await expect(twilio.root).toContainText('Twilio has suspended this account.');
  await expect(twilio.root).toContainText('Settle it with Twilio, then check again.');
  await simulator.change('twilio', 'full', { situation: 'closed' });
  await twilio.checkNow.click();
  await expect(twilio.root).toContainText('Twilio has closed this account.');
});

test('a key whose provider is down is stored, and says what happens next', async ({ page, simulator }) => {
  await open(page, `${KEYS}?service=data-scraper`);
  const serpapi = new Card(page, 'serpapi');
  await serpapi.give(await simulator.key('serpapi', 'down'));
  await expect(serpapi.state).toHaveText('Not checked yet');
  await expect(serpapi.root).toContainText('SerpAPI reported a fault of its own.');
  await expect(serpapi.root).toContainText('Keyward asks SerpAPI again by itself');
  await expect(serpapi.root.locator('.key-checked')).toHaveText(/not checked yet\s*next check in 1 min/);
  await expect(page.locator('.setup .pill')).toHaveText('Waiting');

  await simulator.change('serpapi', 'down', { situation: 'plenty' });
  await serpapi.checkNow.click();
  await expect(serpapi.state).toHaveText('Valid');
  await expect(page.getByRole('link', { name: 'Continue to Data Scraper' })).toBeVisible();
});

test('an outage or a rate limit leaves a valid key valid', async ({ page, server, simulator }) => {
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await open(page, KEYS);
  const twilio = new Card(page, 'twilio');
  for (const [situation, reason] of [
    ['throttled', 'Twilio asked for slower requests.'],
    ['hangs_up', 'Twilio could not be reached.'],
    ['down', 'Twilio reported a fault of its own.'],
  ] as const) {
    await simulator.change('twilio', 'full', { situation });
    await twilio.checkNow.click();
    await expect(twilio.root).toContainText(reason);
    await expect(twilio.state).toHaveText('Valid');
  }
  await simulator.change('twilio', 'full', { situation: 'full' });
  await twilio.checkNow.click();
  await expect(twilio.root.locator('.key-reason')).toHaveCount(0);
});

test('Twilio takes an auth token or an API key, and a part that is missing limits it', async ({ page, simulator }) => {
  await open(page, KEYS);
  const twilio = new Card(page, 'twilio');
  await twilio.add.click();
  await expect(twilio.field('account_sid')).toBeFocused();
  const withoutToken = await simulator.key('twilio', 'api_key');
  await twilio.field('account_sid').fill(withoutToken.account_sid ?? '');
  await twilio.root.getByRole('link', { name: 'API key', exact: true }).click();
  await expect(twilio.field('account_sid')).toHaveValue(withoutToken.account_sid ?? '');
  await twilio.give(withoutToken);
  await expect(twilio.state).toHaveText('Limited');
  await expect(twilio.root).toContainText('lacks the auth token that signs webhooks');
  await expect(twilio.root).toContainText('a number that can make voice calls');

  await twilio.replace.click();
  // The form begins with what is stored.
  await expect(twilio.field('api_key_sid')).toBeVisible();
  await twilio.root.getByRole('link', { name: 'Auth token', exact: true }).click();
  await twilio.give(await simulator.key('twilio', 'full'));
  await expect(twilio.state).toHaveText('Valid');
  await expect(twilio.root).toContainText('AC…0001');
  await expect(twilio.root).toContainText('48.20 USD');
  await expect(twilio.root).not.toContainText('lacks');
});

test('a replacement that fails keeps the old key', async ({ page, server, simulator, complaints }) => {
  complaints.allow(/status of (422|503) .*\/api\/rpc\/replace_key/);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, KEYS);
  const serpapi = new Card(page, 'serpapi');
  await serpapi.replace.click();
  await serpapi.give(await simulator.key('serpapi', 'invalid'));
  await expect(serpapi.refusal).toContainText('SerpAPI did not accept this key.');
  await expect(serpapi.field('api_key')).toBeFocused();
  await expect(serpapi.state).toHaveText('Valid');

  const down = await simulator.key('serpapi', 'down');
  await serpapi.give(down);
  await expect(serpapi.refusal).toContainText('Nothing was changed; try again in a moment.');
  // Nobody should have to fetch a key twice because its provider was down.
  await expect(serpapi.field('api_key')).toHaveValue(down.api_key ?? '');

  await serpapi.root.getByRole('link', { name: 'Cancel' }).click();
  await expect(serpapi.replace).toBeFocused();
  await expect(serpapi.root).toContainText('Key …0001');
  await serpapi.checkNow.click();
  await expect(page.getByRole('status')).toContainText('SerpAPI: Valid.');

  await serpapi.replace.click();
  await serpapi.give(await simulator.key('serpapi', 'nearly_used_up'));
  await expect(serpapi.root).toContainText('Key …0002');
  await expect(serpapi.root).toContainText('3 of 250 searches left');
});

test('a sealed value that was tampered with is kept, and shown as one that cannot be opened', async ({
  page,
  engine,
  server,
  simulator,
}) => {
  await page.context().clearCookies();
  const { email } = await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  const [hex, bytes] =
    engine === 'postgres'
      ? ["encode(encrypted_key, 'hex')", (value: string) => `decode('${value}', 'hex')`]
      : ['lower(hex(encrypted_key))', (value: string) => `x'${value}'`];
  const whose = `WHERE user_id = (SELECT id FROM users WHERE email = '${email}')`;
  const sealed = () => query(engine, server, `SELECT ${hex} FROM user_api_keys ${whose}`);
  const right = sealed();
  const byte = (Number.parseInt(right.slice(200, 202), 16) ^ 1).toString(16).padStart(2, '0');
  const before = right.slice(0, 200) + byte + right.slice(202);
  query(engine, server, `UPDATE user_api_keys SET encrypted_key = ${bytes(before)} ${whose}`);
  await open(page, KEYS);
  const serpapi = new Card(page, 'serpapi');
  await serpapi.checkNow.click();
  await expect(serpapi.state).toHaveText('Cannot be opened');
  await expect(serpapi.root).toContainText('The stored value is kept as it is.');
  expect(before).toMatch(/^[0-9a-f]{202,}$/);
  expect(sealed()).toBe(before);

  await serpapi.replace.click();
  await serpapi.give(await simulator.key('serpapi', 'plenty'));
  await expect(serpapi.state).toHaveText('Valid');
});
