import { expect, expectAccessible, forget, open, register, store, test } from '../fixtures';
import { column, SCRAPER, search, searchState, searchWeb } from '../pages';
import type { Page } from '@playwright/test';

/** The rows of the table. */
const ROWS = 'table.results tbody tr';

/** Expects that nothing sticks out of a phone's window. */
async function expectNarrow(page: Page): Promise<void> {
  const usual = page.viewportSize();
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, `pixels too wide at ${width}`).toBeLessThanOrEqual(0);
  }
  if (usual) await page.setViewportSize(usual);
}

test.beforeEach(async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, SCRAPER);
});

test('rows follow where the rows end, and are filtered and sorted', async ({ page }) => {
  await search(page, 'many bakeries', 'Berlin', 120);
  await expect(searchState(page)).toHaveText('Finished');
  await expect(page.getByText('60 of 120 shown')).toBeVisible();
  const region = page.getByRole('region', { name: 'Results' });
  await region.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect(page.getByText('120 of 120 shown')).toBeVisible();
  await expect(page.locator(ROWS)).toHaveCount(120);
  expect(new Set(await column(page, 'No.')).size).toBe(120);

  await page.getByRole('link', { name: 'Rating' }).click();
  await expect(page.getByText('60 of 120 shown')).toBeVisible();
  await expect.poll(() => region.evaluate((element) => element.scrollTop)).toBe(0);
  const ratings = (await column(page, 'Rating')).map(Number);
  expect(ratings).toEqual([...ratings].sort((a, b) => b - a));

  await page.getByLabel('Phone').check();
  await page.getByLabel('E-mail').check();
  await page.getByLabel('Rating', { exact: true }).selectOption('4');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByText(/^\d+ of \d+ that match shown, 120 in all$/)).toBeVisible();
  const emails = await column(page, 'E-mail');
  expect(emails.length).toBeGreaterThan(0);
  expect(emails.every((email) => email.includes('@'))).toBe(true);
  expect((await column(page, 'Phone')).includes('–')).toBe(false);
  await expect(page.locator(ROWS).first().getByRole('link', { name: /^Map/ })).toHaveAttribute(
    'href',
    /^https:\/\/www\.google\.com\/maps\/search\/\?api=1&query=/,
  );
  await expectAccessible(page);
  await expectNarrow(page);
  // The address has it all.
  await page.reload();
  await expect(page.getByLabel('Phone')).toBeChecked();
  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(page.getByText('60 of 120 shown')).toBeVisible();
  await expect(page.getByLabel('Phone')).not.toBeChecked();
});

test('results are downloaded as files of each kind, also once the key is gone', async ({ page, server }) => {
  await search(page, 'odd few', 'Berlin');
  await expect(searchState(page)).toHaveText('Finished');
  await forget(page, server, 'serpapi');
  await page.reload();
  for (const [name, begin] of [
    ['Download CSV', '\u{feff}No.,'],
    ['Download Excel', 'PK'],
    ['Download JSON', '['],
  ] as const) {
    const href = await page.getByRole('link', { name }).getAttribute('href');
    const file = await page.request.get(href ?? '');
    expect(file.status()).toBe(200);
    expect(file.headers()['content-disposition']).toContain('attachment; filename="odd-few-');
    expect((await file.text()).startsWith(begin), name).toBe(true);
  }
  await open(page, SCRAPER);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper needs SerpAPI');
  await page.getByRole('link', { name: 'odd few, Berlin', exact: true }).click();
  await expect(page.locator(ROWS)).toHaveCount(7);
});

test('the web is searched, with columns of its own', async ({ page }) => {
  const limits = page.getByLabel('How many');
  await expect(limits.locator('option').first()).toHaveText('20 results, 1 search');
  await page.getByRole('radio', { name: 'The web' }).check();
  await expect(limits.locator('option').first()).toHaveText('20 results, 2 searches');
  await expectAccessible(page);
  await expectNarrow(page);
  await searchWeb(page, 'herbal tea', 40);
  await expect(searchState(page)).toHaveText('Finished');
  await expect(page.locator('.search-head')).toContainText('25 found, 3 of 4 pages');
  await expect(page.locator('#search-title')).toHaveText('herbal tea');
  const headings = await page.locator('table.results thead th').allInnerTexts();
  expect(headings.map((text) => text.replace(/ [▲▼]$/, ''))).toEqual([
    'No.',
    'Title',
    'Link',
    'E-mail',
    'Displayed link',
    'Snippet',
  ]);
  await expect(page.locator(ROWS)).toHaveCount(25);
  await expectAccessible(page);
  await expectNarrow(page);
  await page.getByRole('link', { name: 'Change this one' }).click();
  await expect(page.getByRole('radio', { name: 'The web' })).toBeChecked();
});

test('coordinates are no place for the web', async ({ page, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/start_search/);
  await page.getByRole('radio', { name: 'The web' }).check();
  await page.getByLabel('What', { exact: true }).fill('tea');
  await page.getByLabel('Where', { exact: true }).fill('52.52, 13.405');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page.getByText('Where must be the name of a place, or empty')).toBeVisible();
  await expect(page.getByLabel('Where', { exact: true })).toHaveValue('52.52, 13.405');
});
