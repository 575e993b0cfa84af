import { query } from '../database';
import { column, SCRAPER } from '../pages';
import { expect, expectAccessible, open, register, test } from '../fixtures';
import type { Engine, Server } from '../servers';

const ROWS = 10_000;

/** Puts a search with ten thousand results into the database, and answers its id. */
function fill(engine: Engine, server: Server, email: string): string {
  const run = (sql: string) => query(engine, server, sql);
  const sqlite = engine === 'sqlite';
  const id = crypto.randomUUID();
  const literal = sqlite ? `x'${id.replaceAll('-', '')}'` : `'${id}'`;
  const request = '{"query":"bakery","place":"52.52, 13.405","language":null,"country":null,"limit":120}';
  run(`INSERT INTO searches (id, user_id, request, state, place_unknown, pages_done, pages_planned, found, created_at)
       SELECT ${literal}, id, '${request}', 'finished', FALSE, 6, 6, ${ROWS}, 1 FROM users WHERE email = '${email}'`);
  const numbers = sqlite
    ? `(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS}) SELECT i FROM n)`
    : `generate_series(1, ${ROWS})`;
  const json = sqlite ? 'json_object' : 'jsonb_build_object';
  run(`INSERT INTO search_results (search_id, user_id, position, place_key, result, words, name_key, phone_key, rating, reviews)
       SELECT s.id, s.user_id, i, 'place ' || i,
          ${json}('position', i, 'name', 'Business ' || i, 'category', 'Bakery',
             'address', 'Beispielstraße ' || i || ', 10115 Berlin', 'phone', '030 ' || i,
             'website', 'https://business-' || i || '.example/', 'rating', 1 + i % 40 / 10.0, 'reviews', i,
             'place_id', 'ChIJ' || i),
          'business ' || i || ' bakery', 'business ' || i, '030 ' || i, 1 + i % 40 / 10.0, i
       FROM searches s CROSS JOIN ${numbers} AS n(i) WHERE s.id = ${literal}`.replace(sqlite ? 'AS n(i)' : '\0', ''));
  return id;
}

/** The name in the row at the upper edge of the list. */
function firstInSight(region: HTMLElement): string | undefined {
  const { left, top } = region.getBoundingClientRect();
  const row = document.elementFromPoint(left + 40, top + 60)?.closest('tr');
  return row?.querySelector('th')?.textContent ?? undefined;
}

test('ten thousand results scroll and filter without a stall', async ({ page, server, engine }) => {
  test.setTimeout(180_000);
  const { email } = await register(page);
  await open(page, `${SCRAPER}/searches/${fill(engine, server, email)}`);
  await expect(page.getByText('60 of 10,000 shown')).toBeVisible();
  // How long the page was busy at a stretch, in milliseconds: what a reader feels when nothing moves.
  await page.evaluate(() => {
    const busy: number[] = [];
    Object.assign(window, { busy });
    new PerformanceObserver((list) => busy.push(...list.getEntries().map((entry) => entry.duration))).observe({
      entryTypes: ['longtask'],
    });
  });
  const longest = () =>
    page.evaluate(() => Math.max(0, ...(window as unknown as { busy: number[] }).busy.splice(0).map(Math.round)));
  const region = page.getByRole('region', { name: 'Results' });
  // As somebody who keeps the wheel turning.
  const summary = await page.getByText('of 10,000 shown').elementHandle();
  await region.evaluate(async (element, summary) => {
    while (!summary?.textContent?.startsWith('10,000 of')) {
      element.scrollTo(0, element.scrollHeight);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }, summary);
  const scrolling = await longest();
  await expect(page.getByText('Business 10000', { exact: true })).toBeVisible();
  // What is out of sight is not drawn, and is there again as soon as it comes into sight.
  expect(await page.locator('table.results tr').count()).toBeLessThan(600);
  await region.evaluate((element) => element.scrollTo(0, element.scrollHeight / 2));
  await expect.poll(() => region.evaluate(firstInSight)).toMatch(/^Business [45]\d{3}$/);
  await region.evaluate((element) => element.scrollTo(0, 0));
  await expect(page.getByText('Business 1', { exact: true })).toBeInViewport();

  await page.getByRole('link', { name: 'Reviews' }).click();
  await expect(page.getByText('60 of 10,000 shown')).toBeVisible();
  const sorting = await longest();
  expect((await column(page, 'Reviews'))[0]).toBe('10,000');
  await page.getByLabel('Rating', { exact: true }).selectOption('4');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByText(/^60 of [\d,]+ that match shown, 10,000 in all$/)).toBeVisible();
  const filtering = await longest();
  await expectAccessible(page);
  test.info().annotations.push({ type: 'busy at most, in ms', description: `${scrolling} ${sorting} ${filtering}` });
  for (const stretch of [scrolling, sorting, filtering]) expect(stretch).toBeLessThan(1_000);
});
