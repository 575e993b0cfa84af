import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectAccessible, newPerson, open, test } from '../fixtures';
import { Card, SCRAPER } from '../pages';

test('what the installation supplies is said, and a key of one’s own takes its place', async ({
  page,
  engine,
  fleet,
  simulator,
  simulatorUrl,
}) => {
  const { api_key: theirs } = await simulator.key('serpapi', 'plenty');
  const file = join(fleet.folder, `supplied-${engine}.toml`);
  writeFileSync(file, `[serpapi]\napi_key = "${theirs}"\n`, { mode: 0o600 });
  const name = `supplied-${engine}`;
  const extra = { REQUIRE_USER_API_KEYS: 'false', KEYWARD_PLATFORM_KEYS_FILE: file, KEYWARD_REGISTRATION: 'invite' };
  const server = await fleet.startServer(name, engine, simulatorUrl, extra);
  const invitation = new URL(fleet.run(name, ['user', 'invite']).trim());
  const code = invitation.searchParams.get('code');
  const answer = await page.request.post(`${server.url}/api/auth/register`, { data: { ...newPerson(), code } });
  expect(answer.status(), await answer.text()).toBe(201);

  const serpapi = new Card(page, 'serpapi');
  // Each node asks the providers itself, once it has started.
  await expect(async () => {
    await open(page, `${server.url}/settings/api-keys`);
    await expect(serpapi.state).toHaveText('Valid', { timeout: 500 });
  }).toPass();
  await expect(serpapi.root).toContainText('This key is supplied by the installation, with a daily limit.');
  // Nothing of the operator's account, and nothing to do with it.
  await expect(serpapi.root).not.toContainText('Starter');
  await expect(serpapi.root).not.toContainText('958');
  await expect(serpapi.checkNow).toHaveCount(0);
  await expect(serpapi.delete).toHaveCount(0);
  await expectAccessible(page);
  expect(await page.content()).not.toContain(theirs);
  await open(page, `${server.url}${SCRAPER}`);
  await expect(page.getByLabel('What', { exact: true })).toBeVisible();

  await open(page, `${server.url}/settings/api-keys`);
  await serpapi.root.getByRole('link', { name: 'Use your own key' }).click();
  await serpapi.give(await simulator.key('serpapi', 'nearly_used_up'));
  await expect(serpapi.root).toContainText('3 of 250 searches left');
  await expect(serpapi.root).not.toContainText('supplied by the installation');
});
