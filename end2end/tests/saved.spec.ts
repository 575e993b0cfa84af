import { expect, expectAccessible, forget, open, register, store, test } from '../fixtures';
import { SCRAPER, search, searchState } from '../pages';

const SAVED = `${SCRAPER}/saved`;

test('a search is saved, run again, renamed and deleted', async ({ page, server, simulator, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/(save_search|rename_saved)/);
  complaints.allow(/status of 403 .*\/api\/rpc\/run_saved/);
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, SCRAPER);
  await search(page, 'few bakeries', 'Berlin', 40);
  await expect(searchState(page)).toHaveText('Finished');
  await page.getByRole('link', { name: 'Save this one' }).click();
  await expect(page.getByLabel('What', { exact: true })).toHaveValue('few bakeries');
  await expect(page.getByLabel('How many')).toHaveValue('40');
  await page.getByLabel('Name', { exact: true }).fill('Bakers');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const cards = page.locator('.cards-list > li');
  await expect(cards).toHaveCount(1);
  await expect(cards.first()).toContainText('Google Maps: few bakeries, Berlin, 40 results, up to 2 searches');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Name is taken already. Choose another.')).toBeVisible();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Bakers');
  await expectAccessible(page);

  await page.getByLabel('Name', { exact: true }).fill('Others');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(cards).toHaveCount(2);
  await cards.first().locator('summary', { hasText: 'Rename' }).click();
  await cards.first().getByLabel('New name').fill('Bakers');
  await cards.first().getByRole('button', { name: 'Rename it' }).click();
  await expect(page.getByText('The new name is taken already. Choose another.')).toBeVisible();
  await cards.first().locator('summary', { hasText: 'Delete' }).click();
  await cards.first().getByRole('button', { name: 'Delete it' }).click();
  await expect(cards).toHaveCount(1);

  await page.locator('summary', { hasText: 'Rename' }).click();
  await page.getByLabel('New name').fill('Bakers of Berlin');
  await page.getByRole('button', { name: 'Rename it' }).click();
  await expect(cards.first().getByRole('heading')).toHaveText('Bakers of Berlin');
  await page.locator('summary', { hasText: 'Delete' }).click();
  await expectAccessible(page);
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, `pixels too wide at ${width}`).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize({ width: 1280, height: 720 });

  await page.getByRole('button', { name: 'Run Bakers of Berlin' }).click();
  await page.waitForURL(`**${SCRAPER}/searches/*`);
  await expect(page.locator('#search-title')).toHaveText('few bakeries, Berlin');
  await expect(searchState(page)).toHaveText('Finished');

  // Without the key it is still there, and does not run.
  await forget(page, server, 'serpapi');
  await open(page, SAVED);
  await page.getByRole('button', { name: 'Run Bakers of Berlin' }).click();
  await expect(page.locator('.notice').first()).toBeVisible();
  await expect(page).toHaveURL(SAVED);
  await page.locator('summary', { hasText: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await expect(page.getByText('No search is saved yet.')).toBeVisible();
});
