import { expect, expectAccessible, open, register, test } from '../fixtures';

const ACCOUNT = '/settings/account';

test('a token is made, used, shown once and revoked', async ({ page, request, server, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/issue_token/);
  const person = await register(page);
  await open(page, ACCOUNT);
  await page.getByText('New token').click();
  await page.getByRole('checkbox', { name: /^Read keys/ }).uncheck();
  await page.getByLabel('Name').fill('nightly report');
  await page.getByRole('button', { name: 'Make token' }).click();
  await expect(page.getByText('A right is missing.')).toBeVisible();
  await expect(page.getByLabel('Name')).toHaveValue('nightly report');
  await expectAccessible(page);

  await page.getByRole('checkbox', { name: /^Read keys/ }).check();
  await page.getByRole('button', { name: 'Make token' }).click();
  const text = page.getByLabel('The new token');
  await expect(text).toBeFocused();
  const token = await text.inputValue();
  expect(token).toMatch(/^kwd_[\w-]{48}$/);
  await expectAccessible(page);

  const authorization = `Bearer ${token}`;
  const api = async (path: string): Promise<number> =>
    (await request.get(`${server.url}${path}`, { headers: { authorization, cookie: '' } })).status();
  expect(await api('/api/auth/me')).toBe(200);
  expect(await api('/api/auth/sessions')).toBe(403);

  await open(page, ACCOUNT);
  const card = page.getByRole('listitem').filter({ hasText: 'nightly report' });
  await expect(card).toContainText('read');
  await expect(card).toContainText('last used');
  expect(await page.content()).not.toContain(token);
  await card.getByRole('button', { name: 'Revoke' }).click();
  await expect(card).toHaveCount(0);
  await expect(page.locator('#tokens-title')).toBeFocused();
  expect(await api('/api/auth/me')).toBe(401);
  expect(person.email).toContain('@');
});

test('a new token goes to the clipboard', async ({ page, context, server }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
  await register(page);
  await open(page, ACCOUNT);
  await page.getByText('New token').click();
  await page.getByLabel('Name').fill('clipboard');
  await page.getByRole('button', { name: 'Make token' }).click();
  await page.getByRole('button', { name: 'Copy' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(await page.getByLabel('The new token').inputValue());
});
