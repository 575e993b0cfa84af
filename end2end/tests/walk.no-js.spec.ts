import { expect, newPerson, test } from '../fixtures';
import { Card, column, KEYS, SCRAPER, search, searchState } from '../pages';

test('the whole walk works without JavaScript', async ({ page, simulator }) => {
  const person = newPerson();
  const serpapi = new Card(page, 'serpapi');

  await test.step('a visitor is led to the log-in page, registers, and comes back', async () => {
    await page.goto(SCRAPER);
    await expect(page).toHaveURL(`/login?next=${SCRAPER}`);
    await page.getByRole('link', { name: 'Create one' }).click();
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill('short');
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page.getByText('The password is too short.')).toBeVisible();
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page).toHaveURL(SCRAPER);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper needs SerpAPI');
  });

  await test.step('a rejected key keeps the form open with the reason', async () => {
    await serpapi.give(await simulator.key('serpapi', 'invalid'));
    await expect(serpapi.refusal).toHaveText(/SerpAPI did not accept this key\..* The key was not stored\./);
    await expect(serpapi.field('api_key')).toBeVisible();
    await expect(serpapi.field('api_key')).toHaveValue('');
    expect(page.url()).not.toContain('decafbad');
  });

  await test.step('a working key opens the service', async () => {
    await serpapi.give(await simulator.key('serpapi', 'plenty'));
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper');
    expect(page.url()).not.toContain('decafbad');
  });

  await test.step('a search runs while the page is asked for again', async () => {
    await search(page, 'slow bakery', 'Berlin', 40);
    await expect(searchState(page)).toHaveText('Running');
    await expect(async () => {
      const refresh = page.getByRole('link', { name: 'Refresh' });
      if (await refresh.isVisible()) await refresh.click();
      await expect(searchState(page)).toHaveText('Finished', { timeout: 500 });
    }).toPass();
    await expect(page.locator('.search-head')).toContainText('40 found, 2 of 2 pages');
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click();
    await expect(page.getByRole('columnheader', { name: 'Name' })).toHaveAttribute('aria-sort', 'ascending');
    const [first] = await column(page, 'Name');
    await page.getByRole('searchbox', { name: 'Filter' }).fill(first ?? '');
    await page.getByRole('button', { name: 'Apply' }).click();
    expect(await column(page, 'Name')).toContain(first);
    await expect(page.locator('.search-pages')).toContainText('40 in all');
  });

  await test.step('a search is stopped', async () => {
    await page.goto(SCRAPER);
    await search(page, 'slow café', 'Berlin', 120);
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect(searchState(page)).toHaveText('Stopped');
  });

  await test.step('a key is checked now', async () => {
    await page.goto(KEYS);
    await simulator.change('serpapi', 'plenty', { situation: 'invalid' });
    await serpapi.checkNow.click();
    await expect(serpapi.state).toHaveText('Not accepted');
    await simulator.change('serpapi', 'plenty', { situation: 'plenty' });
    await serpapi.checkNow.click();
    await expect(serpapi.state).toHaveText('Valid');
  });

  await test.step('a replacement that fails keeps the old key, one that works takes its place', async () => {
    await serpapi.replace.click();
    await serpapi.give(await simulator.key('serpapi', 'down'));
    await expect(serpapi.refusal).toContainText('Nothing was changed');
    await expect(serpapi.root).toContainText('Key …0001');
    await serpapi.give(await simulator.key('serpapi', 'nearly_used_up'));
    await expect(serpapi.root).toContainText('Key …0002');
    await expect(serpapi.root.locator('.key-form')).toHaveCount(0);
  });

  await test.step('both forms of Twilio', async () => {
    const twilio = new Card(page, 'twilio');
    await twilio.add.click();
    await twilio.root.getByRole('link', { name: 'API key', exact: true }).click();
    await twilio.give(await simulator.key('twilio', 'api_key_and_token'));
    await expect(twilio.state).toHaveText('Valid');
    await twilio.replace.click();
    await twilio.root.getByRole('link', { name: 'Auth token', exact: true }).click();
    await twilio.give(await simulator.key('twilio', 'full'));
    await expect(twilio.root).toContainText('AC…0001');
  });

  await test.step('deleting asks on a page of its own', async () => {
    await page.goto(KEYS);
    await serpapi.delete.click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Delete the API key for SerpAPI?');
    await expect(page.getByText('Data Scraper closes. What it made stays available.')).toBeVisible();
    await page.getByRole('link', { name: 'Keep it' }).click();
    await expect(serpapi.state).toHaveText('Valid');
    await serpapi.delete.click();
    await page.getByRole('button', { name: 'Delete it' }).click();
    await expect(serpapi.state).toHaveText('Not set up');
  });

  await test.step('the history is still there', async () => {
    await page.goto(SCRAPER);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper needs SerpAPI');
    await page.getByRole('link', { name: 'slow bakery, Berlin' }).first().click();
    await expect(page.locator('table.results tbody tr')).toHaveCount(40);
  });

  await test.step('the password is changed', async () => {
    await page.goto('/settings/account');
    await page.getByLabel('Current password').fill('not my password');
    await page.getByLabel('New password').fill('a new correct horse');
    await page.getByRole('button', { name: 'Change password' }).click();
    await expect(page.getByText('The current password is not right.')).toBeVisible();
    await page.getByLabel('Current password').fill(person.password);
    await page.getByLabel('New password').fill('a new correct horse');
    await page.getByRole('button', { name: 'Change password' }).click();
    await expect(page.getByText('The current password is not right.')).toHaveCount(0);
    expect(page.url()).not.toContain('horse');
  });

  await test.step('signing out and in again', async () => {
    await page.locator('.account-button').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await expect(page).toHaveURL('/login');
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByText('E-mail address or password is wrong.')).toBeVisible();
    expect(page.url()).not.toContain('horse');
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill('a new correct horse');
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  });
});
