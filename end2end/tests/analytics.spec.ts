import { expect, expectAccessible, open, register, store, test } from '../fixtures';
import { Card, KEYS, SCRAPER, search, searchState } from '../pages';

const ANALYTICS = '/analytics';

test('what keys were used for is counted, and what failed is explained', async ({ page, server, simulator }) => {
  await register(page);
  await open(page, ANALYTICS);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Analytics needs a stored key');
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));

  await open(page, ANALYTICS);
  const asked = page.getByRole('region', { name: 'Table of operations' });
  await expect(asked.getByRole('row', { name: /SerpAPI Key checks/ })).toBeVisible();
  await expect(page.getByText('Nothing failed.')).toBeVisible();

  await open(page, SCRAPER);
  await search(page, 'few cakes', '52.52, 13.405');
  await expect(searchState(page)).toHaveText('Finished');
  await simulator.change('serpapi', 'plenty', { situation: 'invalid' });
  await open(page, KEYS);
  const card = new Card(page, 'serpapi');
  await card.checkNow.click();
  await expect(card.state).toHaveText('Not accepted');

  await open(page, ANALYTICS);
  await expect(asked.getByRole('row', { name: /SerpAPI Data Scraper search 1 / })).toBeVisible();
  const failed = page.getByRole('listitem').filter({ hasText: 'The key was not accepted.' });
  await expect(failed).toContainText('SerpAPI, once, last just now');
  await expect(failed.getByRole('link', { name: /^To the key/ })).toHaveAttribute('href', `${KEYS}#card-serpapi`);

  // The bars as a table, and another range, by keyboard.
  await page.getByText('As a table').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('table', { name: /^Calls over time/ }).getByRole('row')).toHaveCount(2);
  const day = page.getByRole('navigation', { name: 'Time range' }).getByRole('link', { name: '24 hours' });
  await day.focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${ANALYTICS}?range=24h`);
  await expect(day).toHaveAttribute('aria-current', 'true');
  await expect(page.getByRole('columnheader', { name: 'Hour' })).toBeAttached();
  await expectAccessible(page);
});
