import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, open, register, store, test } from '../fixtures';
import { Card, KEYS, SCRAPER, search, searchState } from '../pages';
import type { Page } from '@playwright/test';

const ROOT = resolve('..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Every match of the first group of a pattern. */
function matches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))];
}

/** What the server knows and browsers have no business with. */
function serverOnly(): Record<string, string[]> {
  const migrations = readdirSync(join(ROOT, 'migrations/sqlite')).map((name) => read(`migrations/sqlite/${name}`));
  const tables = matches(migrations.join('\n'), /CREATE TABLE (\w+)/g);
  return {
    statements: tables.flatMap((table) => [`FROM ${table}`, `INTO ${table}`, `UPDATE ${table}`]),
    settings: matches(read('.env.template'), /^#?([A-Z][A-Z0-9_]+)=/gm),
    sealing: ['byok/aad/v1', 'provider_keys.secret', 'instance.audit_key', '$argon2id$'],
    simulator: ['/_control/', 'decafbad'],
  };
}

/** The words of a list that a file holds. */
function held(file: Buffer, words: string[]): string[] {
  return words.filter((word) => file.includes(word));
}

test('what is sent to browsers holds no statement, setting or secret of the server', () => {
  const pkg = join(process.env.KEYWARD_SITE ?? '', 'pkg');
  const built = readdirSync(pkg).filter((name) => /\.(wasm|js)$/.test(name));
  expect(built.some((name) => name.endsWith('.wasm'))).toBe(true);
  const server = readFileSync(process.env.KEYWARD_SERVER ?? '');
  for (const [kind, words] of Object.entries(serverOnly())) {
    // These words are in the program that has reason to: a list that went out of date would find nothing anywhere.
    expect(held(server, words).length, `${kind} in the server`).toBeGreaterThan(words.length / 3);
    for (const name of built) {
      // A page that was asked for by a wrong name tells the operator which setting names the right one.
      const known = held(readFileSync(join(pkg, name)), words).filter((word) => word !== 'PUBLIC_URL');
      expect(known, `${kind} in ${name}`).toEqual([]);
    }
  }
  const wasm = built.find((name) => name.endsWith('.wasm')) ?? '';
  // And the words of pages are found where they are.
  expect(held(readFileSync(join(pkg, wasm)), ['Data Scraper'])).toEqual(['Data Scraper']);
});

/** Everything that scripts of the page can read and that outlives it. */
async function kept(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const found: unknown[] = [document.cookie, { ...localStorage }, { ...sessionStorage }, await caches.keys()];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open(name ?? '');
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      });
      for (const store of database.objectStoreNames) {
        const all = database.transaction(store).objectStore(store).getAll();
        found.push(store, await new Promise((resolve) => (all.onsuccess = () => resolve(all.result))));
      }
      database.close();
    }
    found.push((await navigator.serviceWorker.getRegistrations()).length);
    return JSON.stringify(found);
  });
}

test('neither a key nor the session stays in a browser where scripts find it', async ({ page, server, simulator }) => {
  const person = await register(page);
  const working = await simulator.key('serpapi', 'plenty');
  await open(page, `${KEYS}?service=data-scraper`);
  const serpapi = new Card(page, 'serpapi');
  await serpapi.give(working);
  await expect(serpapi.state).toHaveText('Valid');
  const others = { elevenlabs: 'plenty', twilio: 'full' } as const;
  const fields = [working];
  for (const [provider, id] of Object.entries(others) as [keyof typeof others, string][]) {
    fields.push(await simulator.key(provider, id));
    await store(page, server, provider, fields.at(-1) ?? {});
  }
  await open(page, SCRAPER);
  await search(page, 'few cakes', 'Berlin');
  await expect(searchState(page)).toHaveText('Finished');
  const cookies = await page.context().cookies();
  expect(cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite }))).toEqual([
    { name: 'keyward', httpOnly: true, sameSite: 'Lax' },
  ]);
  const secrets = [person.password, cookies[0]?.value ?? '', ...fields.flatMap((one) => [one.api_key, one.auth_token])];
  const named = secrets.filter((secret): secret is string => (secret ?? '').length >= 16);
  expect(named.length).toBe(5);

  expect(await page.evaluate(() => document.cookie)).toBe('');
  for (const path of ['/', KEYS, SCRAPER, '/services/voice-cloning', '/services/calling', '/analytics', '/settings/account']) {
    await open(page, path);
    const places = { storage: await kept(page), page: await page.content(), sent: await (await page.request.get(path)).text() };
    for (const [place, text] of Object.entries(places)) {
      expect(named.filter((secret) => text.includes(secret)), `${place} of ${path}`).toEqual([]);
    }
  }
  // What does stand there is found.
  const [secret] = named;
  await page.evaluate((secret) => {
    sessionStorage.setItem('mistake', secret ?? '');
    return new Promise<void>((resolve) => {
      const opening = indexedDB.open('mistake');
      opening.onupgradeneeded = () => opening.result.createObjectStore('kept', { autoIncrement: true });
      opening.onsuccess = () => {
        const writing = opening.result.transaction('kept', 'readwrite');
        writing.objectStore('kept').add(secret);
        writing.oncomplete = () => {
          opening.result.close();
          resolve();
        };
      };
    });
  }, secret);
  expect((await kept(page)).split(secret ?? '').length - 1).toBe(2);
});
