import { readFile } from 'node:fs/promises';
import { expect, register, store, test } from '../fixtures';

test('each table of the analytics page is a file for the chosen range', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await page.goto('/analytics');
  await page.getByRole('navigation', { name: 'Time range' }).getByRole('link', { name: '7 days' }).click();
  await expect(page).toHaveURL('/analytics?range=7d');
  for (const [link, table, line] of [
    ['calls over time', 'steps', 'Begins,Calls,Failed'],
    ['operations', 'operations', 'Provider,For,Operation,Calls,'],
    ['quotas', 'quotas', 'Provider,Unit,When,'],
    ['days', 'availability', 'Provider,Day begins,'],
  ] as const) {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: `CSV of ${link}`, exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(new RegExp(`^usage-${table}-7d-`));
    expect(await readFile(await download.path(), 'utf8')).toContain(line);
  }
});
