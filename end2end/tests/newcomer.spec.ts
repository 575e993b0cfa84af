import { readFile } from 'node:fs/promises';
import { alive, expect, newPerson, open, test } from '../fixtures';
import { Card, column, KEYS, SCRAPER, search, searchState } from '../pages';

test('a newcomer brings a key, searches, and takes the key away again', async ({ page, simulator, complaints }) => {
  // A rejected key is answered with 422.
  complaints.allow(/status of 422 .*\/api\/rpc\/store_key/);
  const invalid = await simulator.key('serpapi', 'invalid');
  const working = await simulator.key('serpapi', 'plenty');

  await test.step('register', async () => {
    const person = newPerson();
    await open(page, '/');
    await page.getByRole('main').getByRole('link', { name: 'Create an account' }).click();
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Create account' }).click();
    await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
    await expect(page.getByText('No key is stored yet.')).toBeVisible();
    await expect(page.locator('.account-email')).toHaveText(person.email);
  });

  const serpapi = new Card(page, 'serpapi');
  await test.step('the Data Scraper is closed and says why', async () => {
    await page.getByRole('navigation').getByRole('link', { name: 'Data Scraper' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper needs SerpAPI');
    await expect(serpapi.state).toHaveText('Not set up');
    await expect(serpapi.field('api_key')).toBeVisible();
    await expect(page.getByLabel('What', { exact: true })).toHaveCount(0);
  });

  await test.step('the settings page puts first what it lacks', async () => {
    await page.getByRole('main').getByRole('link', { name: 'API keys page' }).click();
    await expect(page).toHaveURL(`${KEYS}?service=data-scraper&next=${SCRAPER}`);
    await expect(page.getByRole('heading', { name: 'Needed by Data Scraper' })).toBeVisible();
    await expect(page.locator('.setup .pill')).toHaveText('Closed');
    await expect(page.locator('.setup')).toContainText('SerpAPI is not set up.');
    await expect(page.getByRole('main').locator('.only-wide').getByText('0 of 5 open')).toBeVisible();
  });

  await test.step('a rejected key keeps the form open, and nothing is stored', async () => {
    await serpapi.give(invalid);
    await expect(serpapi.refusal).toHaveText(/SerpAPI did not accept this key\..* The key was not stored\./);
    await expect(serpapi.field('api_key')).toBeFocused();
    await expect(serpapi.field('api_key')).toHaveValue('');
    await expect(serpapi.state).toHaveText('Not set up');
    const stored = await page.request.get('/api/user-api-keys');
    expect(await stored.json()).toEqual({ items: [], next: null });
  });

  await test.step('a working key opens the service', async () => {
    await serpapi.give(working);
    await expect(serpapi.state).toHaveText('Valid');
    await expect(serpapi.root).toContainText('Starter');
    await expect(serpapi.root).toContainText('958 of 1,000 searches left');
    await expect(serpapi.root).not.toContainText(working.api_key ?? '');
    await expect(page.locator('.setup .pill')).toHaveText('Open');
    await expect(page.getByRole('status')).toContainText('Data Scraper is open.');
    await page.getByRole('link', { name: 'Continue to Data Scraper' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper');
    await expect(page.getByText('No search yet.')).toBeVisible();
  });

  await test.step('a search shows its progress and ends', async () => {
    await search(page, 'slow bakery', 'Berlin', 60);
    await expect(searchState(page)).toHaveText('Running');
    await expect(page.locator('.search-head')).toContainText('20 of up to 60 found, 1 of 3 pages');
    await expect(page.locator('table.results tbody tr')).toHaveCount(20);
    await expect(page.getByRole('progressbar')).toBeVisible();
    await expect(searchState(page)).toHaveText('Finished', { timeout: 20_000 });
    await expect(page.locator('.search-head')).toContainText(
      '60 found, 3 of 3 pages, searches left: 958 before, 955 after',
    );
    await expect(page.locator('.search-head')).toContainText('Berlin, Germany');
    await expect(page.getByRole('status')).toContainText('Search: Finished.');
    await expect(page.locator('table.results tbody tr')).toHaveCount(60);
  });

  await test.step('results are sorted and filtered', async () => {
    await page.getByRole('columnheader', { name: 'Rating' }).getByRole('link').click();
    await expect(page.getByRole('columnheader', { name: 'Rating' })).toHaveAttribute('aria-sort', 'descending');
    // The heading changes at once, the rows when they have arrived.
    await expect(async () => {
      const ratings = (await column(page, 'Rating')).map(Number.parseFloat).filter(Number.isFinite);
      expect(ratings.length).toBeGreaterThan(10);
      expect(ratings).toEqual([...ratings].sort((one, other) => other - one));
    }).toPass();

    const [first] = await column(page, 'Name');
    await page.getByRole('searchbox', { name: 'Filter' }).fill(first ?? '');
    await page.getByRole('button', { name: 'Apply' }).click();
    await expect(page.locator('.search-pages')).toContainText('that match shown, 60 in all');
    await expect.poll(async () => (await column(page, 'Name')).length).toBeLessThan(60);
    expect(await column(page, 'Name')).toContain(first);
    await page.getByRole('link', { name: 'Show all' }).click();
    await expect(page.locator('table.results tbody tr')).toHaveCount(60);
  });

  await test.step('the results are downloaded', async () => {
    expect(await downloadedRows()).toHaveLength(60);
  });

  await test.step('the search stands in the history', async () => {
    await page.getByRole('link', { name: 'New search' }).click();
    const entry = page.getByRole('listitem').filter({ hasText: 'slow bakery, Berlin' });
    await expect(entry).toContainText('60 results');
    await expect(entry.locator('.pill')).toHaveText('Finished');
  });

  await test.step('deleting the key names what closes, and closes it', async () => {
    await open(page, KEYS);
    await serpapi.delete.click();
    const dialog = page.getByRole('dialog', { name: 'Delete the API key for SerpAPI?' });
    await expect(dialog).toContainText('Data Scraper and Analytics close. What they made stays available.');
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    await expect(serpapi.state).toHaveText('Valid');
    await serpapi.delete.click();
    await dialog.getByRole('button', { name: 'Delete it' }).click();
    await expect(serpapi.state).toHaveText('Not set up');
    await expect(page.getByRole('status')).toHaveText('The SerpAPI key is deleted.');
  });

  await test.step('the service is closed; history and download are still there', async () => {
    await page.getByRole('navigation').getByRole('link', { name: 'Data Scraper' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper needs SerpAPI');
    await page.getByRole('link', { name: 'slow bakery, Berlin' }).first().click();
    await expect(page.locator('table.results tbody tr')).toHaveCount(60);
    await page.reload();
    await alive(page);
    await expect(page.locator('table.results tbody tr')).toHaveCount(60);
    expect(await downloadedRows()).toHaveLength(60);
  });

  /** Downloads the results of the search on the page, and answers the lines below the headings. */
  async function downloadedRows(): Promise<string[]> {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^slow-bakery-\d{4}-\d\d-\d\d\.csv$/);
    const [headings, ...rows] = (await readFile(await download.path(), 'utf8')).trimEnd().split('\r\n');
    expect(headings).toBe('\ufeffNo.,Name,Category,Address,Phone,Website,E-mail,Rating,Reviews,Latitude,Longitude,Place id');
    return rows;
  }
});
