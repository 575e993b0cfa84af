import { readFile } from 'node:fs/promises';
import { query } from '../database';
import { expect, expectAccessible, open, register, store, test } from '../fixtures';
import { Card, KEYS, SCRAPER, search, searchState } from '../pages';

const ANALYTICS = '/analytics';

test('what keys were used for is counted, and what failed is explained', async ({ page, server, simulator }) => {
  await register(page);
  await open(page, ANALYTICS);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Analytics needs a stored key');
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));

  // A day is read again every few seconds.
  await open(page, `${ANALYTICS}?range=24h`);
  const asked = page.getByRole('region', { name: 'Table of operations' });
  await expect(asked.getByRole('row', { name: /SerpAPI Key checks/ })).toBeVisible();
  await expect(page.getByText('Nothing failed.')).toBeVisible();
  // What happens meanwhile shows without a reload.
  await expect(asked.getByRole('row', { name: /ElevenLabs/ })).toHaveCount(0);
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'plenty'));
  await expect(asked.getByRole('row', { name: /ElevenLabs Key checks/ }).first()).toBeVisible({ timeout: 15_000 });

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
  await expect(failed).toContainText('Key checks: account');
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

test('what is left, who answered and what is missing are said, and each table is a file', async ({
  page,
  server,
  simulator,
  engine,
}) => {
  const { email } = await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await simulator.change('serpapi', 'plenty', { situation: 'down' });
  await open(page, KEYS);
  const card = new Card(page, 'serpapi');
  await card.checkNow.click();
  await expect(card.root).toContainText('SerpAPI reported a fault of its own.');
  // What checks told in the last two days: a hundred searches a day.
  for (const [days, used] of [
    [2, 500],
    [1, 600],
    [0, 700],
  ] as const) {
    const at = (Date.now() - days * 86_400_000 - 1_000) * 1_000;
    query(
      engine,
      server,
      `INSERT INTO quota_points (user_id, key_id, version, at, unit, used, units_max)
       SELECT k.user_id, k.id, 1, ${at}, 'searches', ${used}, 1000 FROM user_api_keys k JOIN users u ON u.id = k.user_id
       WHERE u.email = '${email}' AND NOT EXISTS (SELECT 1 FROM quota_points q WHERE q.at = ${at})`,
    );
  }
  const told = `user_id = (SELECT id FROM users WHERE email = '${email}') AND used = 42`;
  query(engine, server, `DELETE FROM quota_points WHERE ${told}`);

  await open(page, KEYS);
  await expect(card.root).toContainText(/At this pace your SerpAPI searches end on [A-Z][a-z]+day\./);

  await open(page, ANALYTICS);
  const left = page.getByRole('region', { name: 'What is left' });
  await expect(left).toContainText('300 of 1,000 searches left.');
  await expect(left).toContainText(/At this pace your SerpAPI searches end on [A-Z][a-z]+day\. About 100 a day\./);
  await expect(left.getByRole('img', { name: /^SerpAPI searches left over time/ })).toBeVisible();
  const answered = page.getByRole('region', { name: 'Whether providers answered' });
  await expect(answered.getByRole('img', { name: /^SerpAPI, day by day\. .* with trouble on 1 day\.$/ })).toBeVisible();
  await answered.getByText('All days').focus();
  await page.keyboard.press('Enter');
  await expect(answered.getByRole('row', { name: /^SerpAPI .* 1$/ })).toBeVisible();
  const setup = page.getByRole('region', { name: 'Set-up' });
  await expect(setup).toContainText('2 of 5 services open');
  await expect(setup.getByRole('link', { name: 'Set up for Calling Operations' })).toBeVisible();
  await expectAccessible(page);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    left.getByRole('link', { name: 'CSV of quotas' }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^usage-quotas-30d-\d{4}-\d\d-\d\d\.csv$/);
  const [headings, ...rows] = (await readFile(await download.path(), 'utf8')).trimEnd().split('\r\n');
  expect(headings).toContain('Provider,Unit,When,Used,Of,Left,Renewed');
  expect(rows.map((row) => row.split(',')[3])).toEqual(['500', '600', '700']);
});
