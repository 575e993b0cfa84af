import { alive, expect, expectAccessible, open, register, store, test } from '../fixtures';
import { column, SCRAPER } from '../pages';

const BATCHES = `${SCRAPER}/batches`;

test.beforeEach(async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
});

test('several searches are started at once and followed to their end', async ({ page }) => {
  await open(page, SCRAPER);
  await page.getByRole('link', { name: 'Several searches at once' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Several searches at once');
  const queries = page.getByLabel('Queries', { exact: true });
  await queries.fill('bakery\n\nBakery\ncafe\n');
  await page.getByLabel('How many of each').selectOption('40');
  await expect(page.getByText('2 queries take up to 4 searches. SerpAPI has 958 left.')).toBeVisible();
  await page.getByLabel('Where').fill('Berlin');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Start all' }).click();
  await page.waitForURL(`**${BATCHES}/*`);
  await expect(page.locator('.figures')).toContainText('2 of 2 searches have ended');
  await expect(page.locator('.batch-list li')).toHaveCount(2);
  await expect(page.locator('.batch-list li').first()).toContainText('Finished');
  await expect(page.getByRole('button', { name: 'Stop all' })).toHaveCount(0);
  const csv = await page.request.get((await page.getByRole('link', { name: 'Download CSV' }).getAttribute('href')) ?? '');
  expect(csv.headers()['content-type']).toContain('text/csv');
  await page.getByLabel('Filter').fill('cafe');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByText(/that match shown, \d+ in all$/)).toBeVisible();
  await expect.poll(async () => [...new Set(await column(page, 'Query'))]).toEqual(['cafe']);
  await expectAccessible(page);

  await page.locator('summary', { hasText: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete them' }).click();
  await expect(page).toHaveURL(SCRAPER);
  await expect(page.getByText('No search yet.')).toBeVisible();
});

test('all searches that ended early go on with one button', async ({ page, simulator, server }) => {
  await simulator.change('serpapi', 'plenty', { searches_left: 3 });
  await open(page, BATCHES);
  await page.getByLabel('Queries', { exact: true }).fill('many cafes\nmany hotels\n');
  await page.getByLabel('Where').fill('Berlin');
  await page.getByLabel('How many of each').selectOption('40');
  await page.getByRole('button', { name: 'Start all' }).click();
  await page.waitForURL(`**${BATCHES}/*`);
  await expect(page.locator('.figures')).toContainText('2 of 2 searches have ended');
  const goOn = page.getByRole('button', { name: 'Go on with all' });
  await expect(page.getByText('1 page is missing, for 1 search.')).toBeVisible();
  await expectAccessible(page);
  await simulator.change('serpapi', 'plenty', { searches_left: 100 });
  const checked = await page.request.post('/api/user-api-keys/validate', {
    data: { provider: 'serpapi' },
    headers: { Origin: server.url },
  });
  expect(checked.status()).toBe(200);
  await goOn.click();
  await expect(page.locator('.figures')).toContainText('80 found');
  await expect(page.locator('.figures')).toContainText('2 of 2 searches have ended');
  await expect(goOn).toHaveCount(0);
});

test('what is wrong with several searches is said where it is, and nothing is lost', async ({ page, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/start_batch/);
  await page.goto(BATCHES);
  const queries = page.getByLabel('Queries', { exact: true });
  // Before the page hears clicks.
  await queries.fill('bakery');
  await alive(page);
  await expect(queries).toHaveValue('bakery');
  await expect(page.getByText('1 query takes up to 1 search.')).toBeVisible();
  const file = { name: 'queries.csv', mimeType: 'text/csv', buffer: Buffer.from('bakery,1\ncafe,2\n') };
  await page.getByLabel('Or a file').setInputFiles(file);
  await expect(queries).toHaveValue('bakery\ncafe');
  await page.getByLabel('Where').fill('95, 200');
  await page.getByRole('button', { name: 'Start all' }).click();
  await expect(page.getByLabel('Where')).toBeFocused();
  await expect(page.getByLabel('Where')).toHaveAttribute('aria-invalid', 'true');
  await expect(queries).toHaveValue('bakery\ncafe');
});
