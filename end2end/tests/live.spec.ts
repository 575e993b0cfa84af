import type { BrowserContext, Page } from '@playwright/test';
import { expect, forget, open, register, store, test } from '../fixtures';
import { Card, KEYS, SCRAPER, search, searchState } from '../pages';

/** What the browser under test has asked of the stream of events, in order. */
function streams(context: BrowserContext): string[] {
  const asked: string[] = [];
  context.on('request', (request) => {
    const { pathname, search } = new URL(request.url());
    if (pathname === '/api/events') asked.push(search);
  });
  return asked;
}

/** Waits until the page is told of changes. */
async function listening(page: Page): Promise<void> {
  await page.waitForResponse((response) => new URL(response.url()).pathname === '/api/events' && response.ok());
}

/** Opens a page that then leads its browser: it holds the connection. */
async function openListening(page: Page, path: string): Promise<void> {
  const connected = listening(page);
  await open(page, path);
  await connected;
}

const title = (page: Page) => page.getByRole('heading', { level: 1 });
const what = (page: Page) => page.getByLabel('What', { exact: true });
/** How long a change may take from one browser to the other. */
const SOON = { timeout: 2_000 };

test('a key deleted in one browser closes the service in another, which keeps what was typed', async ({
  page,
  server,
  simulator,
  elsewhere,
}) => {
  const person = await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await openListening(page, SCRAPER);
  await page.getByLabel('Where', { exact: true }).fill('Berlin');
  await page.getByLabel('How many').selectOption('60');
  await what(page).fill('bakery with a garden');

  const other = await elsewhere(person);
  await open(other, KEYS);
  const serpapi = new Card(other, 'serpapi');
  await serpapi.delete.click();
  await other.getByRole('dialog').getByRole('button', { name: /^Delete/ }).click();
  await expect(title(page)).toHaveText('Data Scraper needs SerpAPI', SOON);
  await expect(what(page)).toBeHidden();
  await expect(page.locator('#guarded')).toHaveAttribute('inert', '');
  await expect(page.getByRole('status')).toHaveText('Data Scraper needs SerpAPI. What you typed is kept.');
  await expect(page.locator('#main')).toBeFocused();
  await expect(page.getByText('What you typed here is kept, and is back when it opens.')).toBeVisible();

  await serpapi.add.click();
  await serpapi.give(await simulator.key('serpapi', 'plenty'));
  await expect(title(page)).toHaveText('Data Scraper', { timeout: 5_000 });
  await expect(what(page)).toHaveValue('bakery with a garden');
  await expect(page.getByLabel('Where', { exact: true })).toHaveValue('Berlin');
  await expect(page.getByLabel('How many')).toHaveValue('60');
  await expect(what(page)).toBeFocused();
  await expect(page.getByRole('status')).toHaveText('Data Scraper is open.');
  // The form works as before.
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.waitForURL(`**${SCRAPER}/searches/*`);
});

test('whoever fixes the key in the closed page finds the text again', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await openListening(page, SCRAPER);
  await what(page).fill('bakery');
  await forget(page, server, 'serpapi');
  await expect(title(page)).toHaveText('Data Scraper needs SerpAPI', SOON);
  await new Card(page, 'serpapi').give(await simulator.key('serpapi', 'plenty'));
  await expect(title(page)).toHaveText('Data Scraper');
  await expect(what(page)).toHaveValue('bakery');
  await expect(what(page)).toBeFocused();
});

test('the focus stays where it is when the page around it changes', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await openListening(page, SCRAPER);
  const overview = page.getByRole('navigation').getByRole('link', { name: 'Overview' });
  await overview.focus();
  await forget(page, server, 'serpapi');
  await expect(title(page)).toHaveText('Data Scraper needs SerpAPI', SOON);
  await expect(overview).toBeFocused();
});

test('the tabs of a browser share one connection, and hand it on', async ({ page, context, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  const asked = streams(context);
  await openListening(page, SCRAPER);
  const second = await context.newPage();
  await open(second, SCRAPER);
  const third = await context.newPage();
  await open(third, '/');
  await expect(third.getByText('1 key stored, 1 working.')).toBeVisible();

  await forget(page, server, 'serpapi');
  for (const tab of [page, second]) await expect(title(tab)).toHaveText('Data Scraper needs SerpAPI', SOON);
  await expect(third.getByText('No key is stored yet.')).toBeVisible(SOON);
  expect(asked).toHaveLength(1);

  await page.close();
  await expect.poll(() => asked.length).toBe(2);
  // It goes on after what was heard, so that nothing in between is missed.
  expect(Number(new URLSearchParams(asked[1]).get('after'))).toBeGreaterThanOrEqual(2);
  await store(second, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await expect(title(second)).toHaveText('Data Scraper', SOON);
  await expect(third.getByText('1 key stored, 1 working.')).toBeVisible(SOON);
  expect(asked).toHaveLength(2);
});

test('a key revoked at its provider closes the open page when a check finds out', async ({
  page,
  server,
  simulator,
  elsewhere,
}) => {
  const person = await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await openListening(page, SCRAPER);
  await what(page).fill('bakery');
  const other = await elsewhere(person);
  await open(other, KEYS);
  await simulator.change('serpapi', 'plenty', { situation: 'invalid' });
  const serpapi = new Card(other, 'serpapi');
  await serpapi.checkNow.click();
  await expect(serpapi.state).toHaveText('Not accepted');
  await expect(title(page)).toHaveText('Data Scraper is closed', SOON);
  await expect(page.locator('#card-serpapi .card-state')).toHaveText('Not accepted');
  await simulator.change('serpapi', 'plenty', { situation: 'plenty' });
  await serpapi.checkNow.click();
  await expect(title(page)).toHaveText('Data Scraper', { timeout: 5_000 });
  await expect(what(page)).toHaveValue('bakery');
});

test('key cards and the start page follow another browser', async ({ page, context, server, simulator, elsewhere }) => {
  const person = await register(page);
  await openListening(page, KEYS);
  const overview = await context.newPage();
  await open(overview, '/');
  const other = await elsewhere(person);
  await store(other, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await expect(new Card(page, 'serpapi').state).toHaveText('Valid', SOON);
  await expect(overview.getByText('1 key stored, 1 working.')).toBeVisible(SOON);
});

test('searches are followed from another browser', async ({ page, server, simulator, elsewhere, complaints }) => {
  complaints.allow(/status of 404 .*\/api\/rpc\/search\b/);
  const person = await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await openListening(page, SCRAPER);
  const other = await elsewhere(person);
  await open(other, SCRAPER);
  await search(other, 'slow bakery', 'Berlin', 60);
  const entry = page.getByRole('listitem').filter({ hasText: 'slow bakery, Berlin' });
  await expect(entry).toContainText('Running', SOON);
  await expect(searchState(other)).toHaveText('Finished', { timeout: 20_000 });
  await expect(entry).toContainText('Finished', SOON);
  await expect(entry).toContainText('60 results');

  await entry.getByRole('link', { name: 'slow bakery, Berlin' }).first().click();
  await expect(searchState(page)).toHaveText('Finished');
  await other.locator('summary', { hasText: 'Delete' }).click();
  await other.getByRole('button', { name: 'Delete it' }).click();
  await expect(page).toHaveURL(SCRAPER, SOON);
  await expect(page.getByText('No search yet.')).toBeVisible();
});

test('a session ended elsewhere leads to the log-in page and back', async ({ page, elsewhere }) => {
  const person = await register(page);
  await openListening(page, SCRAPER);
  const other = await elsewhere(person);
  await open(other, '/settings/account');
  await other.getByRole('button', { name: 'End all others' }).click();
  await expect(page).toHaveURL(`/login?next=${SCRAPER}`, { timeout: 5_000 });
  await expect(page.getByRole('link', { name: 'Sign in' })).toBeVisible();
  await page.getByLabel('E-mail address').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(SCRAPER);
  await page.getByRole('button', { name: /^Account menu/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL('/login');
});

test('tabs of two accounts in one browser do not mix', async ({ page, context, server, simulator }) => {
  await register(page);
  const asked = streams(context);
  await openListening(page, SCRAPER);
  // Somebody else signs in; the first tab is left as it was.
  await context.clearCookies();
  await register(page);
  const second = await context.newPage();
  await openListening(second, SCRAPER);
  expect(asked).toHaveLength(2);
  await store(second, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await expect(title(second)).toHaveText('Data Scraper', SOON);
  await expect(title(page)).toHaveText('Data Scraper needs SerpAPI');
});
