import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, expectAccessible, open, register, store, test } from '../fixtures';
import { Card, KEYS, SCRAPER } from '../pages';

const NOTICES = '/notifications';
const SETTINGS = '/settings/notifications';

/** A receiver of webhooks; what it got. */
async function receiver(): Promise<{ origin: string; got: string[]; close: () => void }> {
  const got: string[] = [];
  const server: HttpServer = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      got.push(body);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, got, close: () => server.close() };
}

test('a key that dies is told on every open page, and on one that closes for it', async ({
  page,
  server,
  simulator,
  elsewhere,
}) => {
  const person = await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, SCRAPER);
  const bell = page.getByRole('link', { name: /^Notifications/ });
  await expect(bell).toHaveAccessibleName('Notifications');

  const other = await elsewhere(person);
  await open(other, KEYS);
  await simulator.change('serpapi', 'plenty', { situation: 'invalid' });
  await new Card(other, 'serpapi').checkNow.click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Data Scraper is closed', { timeout: 2_000 });
  await expect(bell).toHaveAccessibleName('Notifications 1 new');

  await bell.click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Notifications');
  await expect(page.getByText('1 is new.')).toBeVisible();
  const notice = page.getByRole('listitem').filter({ hasText: 'SerpAPI does not accept your key any more' });
  await expect(notice.getByText('Replace it to open what needs it.')).toBeVisible();
  await expectAccessible(page);
  await notice.getByRole('button', { name: /^Mark as read/ }).click();
  await expect(page.getByText('Nothing new.')).toBeVisible();
  await expect(bell).toHaveAccessibleName('Notifications');

  // It is fixed elsewhere: the list says so by itself.
  await simulator.change('serpapi', 'plenty', { situation: 'plenty' });
  await new Card(other, 'serpapi').checkNow.click();
  await expect(notice.getByText('Over', { exact: true })).toBeVisible();
  await page.goto(NOTICES);
  await notice.getByText('Over', { exact: true }).waitFor();
});

test('a webhook is added, tried, given another secret and removed', async ({
  page,
  fleet,
  engine,
  simulatorUrl,
  complaints,
}) => {
  complaints.allow(/status of 422 /);
  const hooks = await receiver();
  const own = await fleet.startServer(`notices-${engine}`, engine, simulatorUrl, {
    KEYWARD_NOTIFY_ORIGINS: hooks.origin,
  });
  await page.goto(`${own.url}/register`);
  await page.locator('html[data-alive]').waitFor();
  await page.getByLabel('E-mail address').fill('ana@example.org');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Overview');
  await page.goto(`${own.url}${SETTINGS}`);
  await page.locator('html[data-alive]').waitFor();

  await page.getByText('Add a place').click();
  const address = page.getByLabel('Address', { exact: true });
  await address.fill('https://10.0.0.1/hook');
  await page.getByRole('button', { name: 'Add it' }).click();
  await expect(page.getByText('The address must be an https address on the public internet')).toBeVisible();
  await address.fill(`${hooks.origin}/hook`);
  await page.getByRole('button', { name: 'Add it' }).click();
  const secret = page.getByLabel('The secret');
  await expect(secret).toBeFocused();
  await expect(secret).toHaveValue(/^whsec_/);
  const first = await secret.inputValue();

  const place = page.getByRole('listitem').filter({ hasText: new URL(hooks.origin).host });
  await expect(place.getByText('Active')).toBeVisible();
  await place.getByRole('button', { name: /^Send a test/ }).click();
  await expect(place.getByText('The test has arrived.')).toBeVisible();
  expect(hooks.got.map((body) => (JSON.parse(body) as { type: string }).type)).toEqual(['test']);
  const part = (name: string) => place.locator('summary', { hasText: name });
  await part('Log').click();
  await expect(place.locator('.message-log li')).toContainText(['Test']);
  await expect(place.locator('.message-log li')).toContainText(['Arrived. It answered 204.']);
  await expectAccessible(page);

  await part('New secret').click();
  await place.getByRole('button', { name: 'Make a new secret' }).click();
  await expect(secret).toHaveValue(/^whsec_/);
  await expect(secret).not.toHaveValue(first);
  await expect(place.getByText('The old secret signs as well until')).toBeVisible();

  await part('Remove').click();
  await place.getByRole('button', { name: 'Remove it' }).click();
  await expect(page.getByText('Nowhere else yet')).toBeVisible();
  hooks.close();
});

test('what is told, and when not, is the user’s choice', async ({ page, complaints }) => {
  complaints.allow(/status of 422 /);
  await register(page);
  await open(page, SETTINGS);
  await expect(page.getByLabel('Time zone')).not.toHaveValue('');
  await page.getByLabel('A key cannot do everything any more').uncheck();
  await page.getByLabel('From', { exact: true }).selectOption('22:00');
  await page.getByLabel('Time zone').fill('Mars/Olympus');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('The time zone is not the name of a time zone, such as Europe/Berlin.')).toBeVisible();
  await page.getByLabel('Time zone').fill('Europe/Berlin');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('status')).toHaveText('Saved.');
  await open(page, SETTINGS);
  await expect(page.getByLabel('A key cannot do everything any more')).not.toBeChecked();
  await expect(page.getByLabel('From', { exact: true })).toHaveValue('22');
  await expect(page.getByLabel('Time zone')).toHaveValue('Europe/Berlin');
  await expectAccessible(page);
});
