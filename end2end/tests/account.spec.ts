import { expect, newPerson, open, register, test, type Person } from '../fixtures';
import type { Page } from '@playwright/test';

const ACCOUNT = '/settings/account';

test('a changed password ends the other sessions', async ({ page, browser, server, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/change_password/);
  const person = await register(page);
  const elsewhere = await browser.newContext({ baseURL: server.url });
  await complaints.hear(elsewhere);
  const other = await elsewhere.newPage();
  await signIn(other, person);

  await open(page, ACCOUNT);
  await expect(page.getByRole('heading', { name: 'Sessions' })).toBeVisible();
  await expect(page.getByRole('listitem')).toHaveCount(2);
  await page.getByLabel('Current password').fill('not my password');
  await page.getByLabel('New password').fill('a new correct horse');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('The current password is not right.')).toBeVisible();
  await expect(page.getByLabel('Current password')).toBeFocused();

  await page.getByLabel('Current password').fill(person.password);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('The password is changed. Every other session and every API token has ended.')).toBeVisible();
  await expect(page.getByLabel('New password')).toHaveValue('');
  await expect(page.getByRole('listitem')).toHaveCount(1);

  // The other browser is led to the log-in page by itself.
  await expect(other).toHaveURL('/login');
  await other.goto(ACCOUNT);
  await expect(other).toHaveURL(`/login?next=${ACCOUNT}`);
  await fillSignIn(other, { ...person, password: 'a new correct horse' });
  await expect(other).toHaveURL(ACCOUNT);
  await elsewhere.close();

  await page.reload();
  await expect(page.getByRole('heading', { name: 'Account' })).toBeVisible();
});

test('sessions are listed and ended', async ({ page, browser, server, complaints }) => {
  const person = await register(page);
  const elsewhere = await browser.newContext({ baseURL: server.url });
  await complaints.hear(elsewhere);
  const other = await elsewhere.newPage();
  await signIn(other, person);

  await open(page, ACCOUNT);
  const sessions = page.getByRole('listitem');
  await expect(sessions).toHaveCount(2);
  await expect(sessions.filter({ hasText: 'This one' })).toHaveCount(1);
  await page.getByRole('button', { name: 'End', exact: true }).click();
  await expect(sessions).toHaveCount(1);
  await expect(sessions).toContainText('This one');
  await expect(page.locator('#sessions-title')).toBeFocused();
  await expect(other).toHaveURL('/login');

  await signIn(other, person);
  await open(page, ACCOUNT);
  await page.getByRole('button', { name: 'End all others' }).click();
  await expect(sessions).toHaveCount(1);
  await elsewhere.close();
});

test('signing out ends the session', async ({ page }) => {
  await register(page);
  await open(page, '/');
  const before = await page.context().cookies();
  await page.locator('.account-button').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('navigation').getByRole('link', { name: 'Sign in' })).toBeVisible();
  // The old cookie opens nothing any more.
  await page.context().addCookies(before);
  await page.goto(ACCOUNT);
  await expect(page).toHaveURL(`/login?next=${ACCOUNT}`);
});

test('a wrong password and an unknown person are answered alike', async ({ page, complaints }) => {
  complaints.allow(/status of 401 .*\/api\/rpc\/login/);
  const person = await register(page);
  await page.context().clearCookies();
  for (const stranger of [{ ...person, password: 'not my password' }, newPerson()]) {
    await open(page, '/login');
    await fillSignIn(page, stranger);
    await expect(page.locator('#form-message')).toHaveText(
      'E-mail address or password is wrong. Check both, or create an account.',
    );
    await expect(page.locator('#form-message')).toBeFocused();
    await expect(page.getByLabel('E-mail address')).toHaveValue(stranger.email);
  }
});

test('an e-mail address has one account', async ({ page, complaints }) => {
  complaints.allow(/status of 409 .*\/api\/rpc\/register/);
  const person = await register(page);
  await page.context().clearCookies();
  await open(page, '/register');
  await page.getByLabel('E-mail address').fill(person.email.toUpperCase());
  await page.getByLabel('Password').fill('another correct horse');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByText('This e-mail address already has an account.')).toBeVisible();
});

test('a password that is too short is named', async ({ page, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/register/);
  await open(page, '/register');
  await page.getByLabel('E-mail address').fill(newPerson().email);
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByText('The password is too short.')).toBeVisible();
  await expect(page.getByLabel('Password')).toBeFocused();
});

for (const next of ['//evil.example/', 'https://evil.example/', '/\\evil.example', '/%2f/evil.example']) {
  test(`signing in never leads to ${next}`, async ({ page, server }) => {
    const person = await register(page);
    await page.context().clearCookies();
    await open(page, `/login?next=${encodeURIComponent(next)}`);
    await fillSignIn(page, person);
    await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
    expect(page.url()).toBe(`${server.url}/`);
    // Nor for whoever is signed in already.
    await page.goto(`/login?next=${encodeURIComponent(next)}`);
    await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
    expect(page.url()).toBe(`${server.url}/`);
  });
}

async function fillSignIn(page: Page, { email, password }: Person): Promise<void> {
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
}

async function signIn(page: Page, person: Person): Promise<void> {
  await page.goto('/login');
  await fillSignIn(page, person);
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
}
