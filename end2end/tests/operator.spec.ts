import { expect, expectAccessible, newPerson, open, test } from '../fixtures';

const HEALTH = '/operator/health';

test('the operator sees how the installation does, and nothing of few', async ({
  page,
  playwright,
  complaints,
  engine,
  fleet,
  simulator,
  simulatorUrl,
}) => {
  // Of its own: other tests' users would be counted, too.
  const name = `operator-${engine}`;
  const server = await fleet.startServer(name, engine, simulatorUrl);
  const headers = { origin: server.url };
  const keys = { good: await simulator.key('serpapi', 'plenty'), bad: await simulator.key('serpapi', 'invalid') };
  for (let number = 0; number < 12; number += 1) {
    const somebody = await playwright.request.newContext({ baseURL: server.url });
    const registered = await somebody.post('/api/auth/register', { data: newPerson() });
    expect(registered.status()).toBe(201);
    if (number < 6) {
      const data = { provider: 'serpapi', credentials: keys.good };
      expect((await somebody.post('/api/user-api-keys/store', { headers, data })).status()).toBe(201);
    } else if (number < 9) {
      const data = { provider: 'serpapi', credentials: keys.bad };
      expect((await somebody.post('/api/user-api-keys/store', { headers, data })).status()).toBe(422);
    }
    await somebody.dispose();
  }

  const person = newPerson();
  const answer = await page.request.post(`${server.url}/api/auth/register`, { data: person });
  expect(answer.status()).toBe(201);
  complaints.allow(/status of 403 /);
  await open(page, `${server.url}${HEALTH}`);
  await expect(page.getByText('This is not allowed')).toBeVisible();
  const menu = page.getByRole('button', { name: /^Account menu/ });
  const toHealth = page.getByRole('link', { name: 'Health of this installation' });
  await menu.click();
  await expect(page.getByRole('link', { name: 'Account', exact: true })).toBeVisible();
  await expect(toHealth).toHaveCount(0);

  fleet.run(name, ['user', 'operator', person.email]);
  await open(page, `${server.url}/`);
  await menu.click();
  await toHealth.click();
  await expect(page).toHaveURL(`${server.url}${HEALTH}`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Health of this installation');
  const calls = page.getByRole('table', { name: /^Calls to providers/ });
  // Nine users called, three of them with a key that was refused, who are too few to be told of.
  await expect(calls.getByRole('row', { name: /^SerpAPI 9 few few few / })).toBeVisible();
  await expect(calls.getByRole('row', { name: 'Twilio fewer than 5 users', exact: true })).toBeVisible();
  const stored = page.getByRole('table', { name: 'Keys' });
  await expect(stored.getByRole('row', { name: /^SerpAPI/ })).toHaveText('SerpAPI6 valid, else fewer than 5 users each');
  const services = page.getByRole('table', { name: 'Services that are set up' });
  await expect(services.getByRole('row', { name: /^Data Scraper/ })).toContainText('6 of 13 users');
  await expect(services.getByRole('row', { name: /^Calling/ })).toContainText('fewer than 5 users');
  expect(await page.locator('main').textContent()).not.toContain('@');

  const day = page.getByRole('navigation', { name: 'Time range' }).getByRole('link', { name: '24 hours' });
  await day.focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${server.url}${HEALTH}?range=24h`);
  await expect(day).toHaveAttribute('aria-current', 'true');
  await expect(calls.getByRole('row', { name: /^SerpAPI 9 / })).toBeVisible();
  await expectAccessible(page);
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, `pixels too wide at ${width}`).toBeLessThanOrEqual(0);
  }
});
