import { expect, expectAccessible, open, register, store, test } from '../fixtures';
import { Card, KEYS } from '../pages';

test('a provider is found by name, purpose and service, and what was typed on a card stays', async ({ page }) => {
  await register(page);
  await open(page, KEYS);
  const cards = page.locator('.column-main .card:visible');
  const all = await cards.count();
  expect(all).toBeGreaterThanOrEqual(30);
  const groq = new Card(page, 'groq');
  await groq.add.click();
  await groq.field('api_key').fill('half a key');

  const find = page.getByRole('searchbox', { name: 'Find a provider' });
  await find.fill('mail');
  await expect(page.getByText('2 providers')).toBeVisible();
  await expect(groq.root).toBeHidden();
  await find.fill('cloning');
  await expect(cards).toHaveCount(1);
  await expect(new Card(page, 'elevenlabs').root).toBeVisible();
  await find.fill('nothing like it');
  await expect(page.getByText('No provider of this name.')).toBeVisible();
  await expect(cards).toHaveCount(0);
  await find.fill('');
  await expect(cards).toHaveCount(all);
  await expect(groq.field('api_key')).toHaveValue('half a key');

  await open(page, `${KEYS}?q=groq`);
  await expect(find).toHaveValue('groq');
  await expect(cards).toHaveCount(1);
});

test('what is stored stands before what is not', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'anthropic', await simulator.key('anthropic', 'plenty'));
  await open(page, KEYS);
  const headings = page.locator('.column-main h2');
  await expect(headings.nth(0)).toHaveText('Needed by your services');
  await expect(headings.nth(1)).toHaveText('Your other keys');
  await expect(new Card(page, 'anthropic').state).toHaveText('Valid');
});

test('what a provider charges for is tried once somebody agrees, and not before', async ({ page, simulator, complaints }) => {
  complaints.allow(/status of 50\d .*\/api\/rpc\/replace_key/);
  // The simulator does not know Exa: what it is asked stands in its journal, and its answer is no verdict.
  const tried = async () => (await simulator.requests()).filter((request) => request.path === '/exa/search').length;
  await register(page);
  await open(page, `${KEYS}?q=exa`);
  const exa = new Card(page, 'exa');
  await exa.add.click();
  await expect(exa.root.getByText('unless you agree')).toBeVisible();
  await exa.give({ api_key: '0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f' });
  await expect(exa.state).toHaveText('Not checked yet');
  expect(await tried()).toBe(0);
  await expectAccessible(page);

  await exa.root.locator('summary', { hasText: 'Check for a charge' }).click();
  await expect(exa.root.getByText('charges to your account')).toBeVisible();
  await exa.root.getByRole('button', { name: 'Check, and pay for it' }).click();
  await expect.poll(tried).toBe(1);
  await expect(exa.checkNow).toHaveCount(0);

  await exa.replace.click();
  await exa.root.getByLabel('let Exa charge my account').check();
  await exa.give({ api_key: '1f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f' });
  await expect.poll(tried).toBe(2);
  // No verdict is no reason to give up the stored one.
  await expect(exa.refusal).toContainText('Nothing was changed');
});
