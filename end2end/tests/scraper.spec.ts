import { expect, forget, open, register, store, test } from '../fixtures';
import { column, SCRAPER, search, searchState } from '../pages';

/** What a search says about its end. */
const NOTICE = '.search-notices .notice';

test.beforeEach(async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, SCRAPER);
});

test('a search that finds nothing says so', async ({ page }) => {
  await search(page, 'nothing', 'Berlin');
  await expect(searchState(page)).toHaveText('Finished');
  await expect(page.locator(NOTICE)).toHaveText('Google found nothing. Try other words, or a larger place.');
  await expect(page.locator('table.results')).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'Download CSV' })).toHaveCount(0);
});

test('a single place is a result like others', async ({ page }) => {
  await search(page, 'single cathedral', '52.52, 13.405');
  await expect(searchState(page)).toHaveText('Finished');
  await expect(page.locator('.search-head')).toContainText('1 found, 1 of 1 page');
  expect(await column(page, 'Name')).toHaveLength(1);
});

test('names with unusual characters are shown as they are', async ({ page }) => {
  await search(page, 'odd <few> & "so"', 'Berlin');
  await expect(searchState(page)).toHaveText('Finished');
  await expect(page.locator('#search-title')).toHaveText('odd <few> & "so", Berlin');
  expect(await column(page, 'Name')).toHaveLength(7);
});

test('a page that fails leaves the pages before it', async ({ page }) => {
  await search(page, 'bakery fail on page 3', 'Berlin', 120);
  await expect(searchState(page)).toHaveText('Ended early');
  await expect(page.locator(NOTICE)).toHaveText(
    'SerpAPI reported a fault of its own. Search again in a while. The 40 results that had arrived are kept.',
  );
  await expect(page.locator('table.results tbody tr')).toHaveCount(40);
  await expect(page.getByRole('link', { name: 'Download CSV' })).toBeVisible();
});

test('a running search is stopped', async ({ page }) => {
  await search(page, 'slow bakery', 'Berlin', 120);
  await expect(page.locator('table.results tbody tr')).toHaveCount(20);
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(searchState(page)).toHaveText('Stopped');
  await expect(page.locator('#search-title')).toBeFocused();
  await expect(page.locator(NOTICE)).toContainText('You stopped this search.');
  await expect(page.locator(NOTICE)).toContainText(/The \d+ results that had arrived are kept\./);
  await expect(page.getByRole('button', { name: 'Stop' })).toHaveCount(0);
});

test('a quota that runs out half-way keeps what was paid for', async ({ page, simulator }) => {
  await simulator.change('serpapi', 'plenty', { searches_left: 2 });
  await search(page, 'many bakeries', 'Berlin', 120);
  await expect(searchState(page)).toHaveText('Ended early');
  await expect(page.locator(NOTICE)).toContainText('SerpAPI has no searches left on your account.');
  await expect(page.locator(NOTICE)).toContainText('The 40 results that had arrived are kept.');
  await expect(page.getByRole('link', { name: 'To the API keys' })).toBeVisible();
  // The key's own state follows by itself.
  await page.goto(SCRAPER);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper is closed');
  await expect(page.locator('#card-serpapi .card-state')).toHaveText('No searches left');
});

test('an outage has its own words', async ({ page, simulator }) => {
  await simulator.change('serpapi', 'plenty', { situation: 'hangs_up' });
  await search(page, 'bakery', '52.52, 13.405');
  await expect(searchState(page)).toHaveText('Failed');
  await expect(page.locator(NOTICE)).toHaveText('SerpAPI could not be reached. Search again in a while.');
});

test('an hourly limit has its own words', async ({ page, simulator }) => {
  await simulator.change('serpapi', 'plenty', { situation: 'throttled' });
  await search(page, 'bakery', 'Berlin');
  await expect(searchState(page)).toHaveText('Failed');
  await expect(page.locator(NOTICE)).toContainText('SerpAPI asked for slower requests.');
});

test('a key that dies during a search closes the service and leaves what was found', async ({ page, simulator }) => {
  await search(page, 'slow bakery', 'Berlin', 120);
  await expect(page.locator('table.results tbody tr')).toHaveCount(20);
  await simulator.change('serpapi', 'plenty', { situation: 'invalid' });
  await expect(searchState(page)).toHaveText('Ended early');
  await expect(page.locator(NOTICE)).toContainText('SerpAPI did not accept your key. Replace it, then search again.');
  await expect(page.locator(NOTICE)).toContainText(/The \d+ results that had arrived are kept\./);
  await page.goto(SCRAPER);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper is closed');
  await expect(page.locator('#card-serpapi .card-state')).toHaveText('Not accepted');
  await page.getByRole('link', { name: 'slow bakery, Berlin' }).first().click();
  await expect(page.locator('table.results tbody tr').first()).toBeVisible();
});

test('a form that is still open when the key dies makes room for the explanation', async ({
  page,
  server,
  complaints,
}) => {
  complaints.allow(/status of 403 .*\/api\/rpc\/start_search/);
  // A browser that is not told of changes finds out when the service is used.
  complaints.allow(/\/api\/events/);
  await page.route('**/api/events*', (route) => route.abort());
  await open(page, SCRAPER);
  // Deleted in another window.
  await forget(page, server, 'serpapi');
  await page.getByLabel('What', { exact: true }).fill('bakery');
  await page.getByLabel('Where', { exact: true }).fill('Berlin');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper needs SerpAPI');
});

test('a search with wrong fields is not started', async ({ page, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/start_search/);
  await page.getByLabel('What', { exact: true }).fill('bakery');
  await page.getByLabel('Where', { exact: true }).fill('91, 0');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page.getByText('Where is outside the allowed range.')).toBeVisible();
  await expect(page.getByLabel('Where', { exact: true })).toBeFocused();
  await expect(page.getByText('No search yet.')).toBeVisible();
});

test('a search is deleted for good', async ({ page }) => {
  await search(page, 'few bakeries', 'Berlin');
  await expect(searchState(page)).toHaveText('Finished');
  await page.locator('summary', { hasText: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await expect(page).toHaveURL(SCRAPER);
  await expect(page.getByText('No search yet.')).toBeVisible();
});
