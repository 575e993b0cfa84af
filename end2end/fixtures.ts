import { randomBytes } from 'node:crypto';
import AxeBuilder from '@axe-core/playwright';
import { test as base, expect, type BrowserContext, type Page } from '@playwright/test';
import { Fleet, type Engine, type Server } from './servers';
import { Simulator } from './simulator';

export { expect };

/** What the browser complained about during a test. */
export interface Complaints {
  /** Everything so far. */
  readonly heard: readonly string[];
  /** Complaints that match belong to what the test does, such as the 404 of a page that is meant to be missing. */
  allow(pattern: RegExp): void;
  /** Listens to another browser as well. To be called before it opens a page. */
  hear(browser: BrowserContext): Promise<void>;
}

/** What each test has. */
export interface Fixtures {
  /** The simulator that stands in for every provider, as at its start. */
  simulator: Simulator;
  /** Fails the test on any console error or uncaught exception, on every page it opens. */
  complaints: Complaints;
  /** An empty page in another browser, in which the person is logged in. */
  elsewhere: (person: Person) => Promise<Page>;
}

/** What the tests of one worker share, one after the other. */
export interface WorkerFixtures {
  /** The database of the server under test; set by the project. */
  engine: Engine;
  /** Starts what a test needs beside the usual server, and stops it after the worker's last test. */
  fleet: Fleet;
  /** The address of the simulator. */
  simulatorUrl: string;
  /** The server under test. */
  server: Server;
}

/** Playwright's `test` with a running Keyward; relative addresses lead to it. */
export const test = base.extend<Fixtures, WorkerFixtures>({
  engine: ['sqlite', { option: true, scope: 'worker' }],
  fleet: [
    async ({}, use) => {
      const fleet = new Fleet();
      await use(fleet).finally(() => fleet.stop());
    },
    { scope: 'worker' },
  ],
  simulatorUrl: [
    async ({ fleet, engine }, use, { workerIndex }) => use(await fleet.startSimulator(`simulator-${engine}-${workerIndex}`)),
    { scope: 'worker' },
  ],
  server: [
    async ({ fleet, engine, simulatorUrl }, use, { workerIndex }) =>
      use(await fleet.startServer(`${engine}-${workerIndex}`, engine, simulatorUrl)),
    { scope: 'worker', timeout: 60_000 },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  simulator: async ({ simulatorUrl }, use) => {
    const simulator = new Simulator(simulatorUrl);
    await simulator.reset();
    await use(simulator);
  },
  complaints: [
    async ({ context }, use) => {
      const heard: string[] = [];
      const allowed: RegExp[] = [];
      const hear = async (browser: BrowserContext) => {
        browser.on('console', (message) => {
          if (message.type() === 'error') heard.push(`${message.text()} (${message.location().url})`);
        });
        browser.on('weberror', (error) => heard.push(String(error.error())));
        await browser.addInitScript(markAlive);
      };
      await hear(context);
      await use({ heard, allow: (pattern) => allowed.push(pattern), hear });
      const unexpected = heard.filter((text) => !allowed.some((pattern) => pattern.test(text)));
      expect(unexpected, 'the browser console').toEqual([]);
    },
    { auto: true },
  ],
  elsewhere: async ({ browser, complaints }, use) => {
    const others: BrowserContext[] = [];
    await use(async (person) => {
      const other = await browser.newContext();
      others.push(other);
      await complaints.hear(other);
      const response = await other.request.post('/api/auth/login', { data: person });
      expect(response.status(), await response.text()).toBe(200);
      return other.newPage();
    });
    await Promise.all(others.map((other) => other.close()));
  },
});

/** Runs in each page: marks it once its WebAssembly has taken over, so that tests know when clicks are heard. */
function markAlive(): void {
  const instantiate = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (...source: Parameters<typeof instantiate>) => {
    const instance = await instantiate(...source);
    // Taking over follows at once, without a pause; a timer fires after it.
    setTimeout(() => document.documentElement.setAttribute('data-alive', ''));
    return instance;
  };
}

/** Goes to an address and waits until the page hears clicks. Not for tests without JavaScript. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await alive(page);
}

/** Waits until the page, after a full load, hears clicks. */
export async function alive(page: Page): Promise<void> {
  await page.locator('html[data-alive]').waitFor();
}

/** Somebody with an account. */
export interface Person {
  email: string;
  password: string;
}

/** A person nobody has met yet. */
export function newPerson(): Person {
  const name = randomBytes(8).toString('hex');
  return { email: `${name}@example.org`, password: `correct horse ${name}` };
}

/** Registers a new person through REST; the page's browser is logged in as them afterwards. */
export async function register(page: Page): Promise<Person> {
  const person = newPerson();
  const response = await page.request.post('/api/auth/register', { data: person });
  expect(response.status(), await response.text()).toBe(201);
  return person;
}

/** Stores a key through REST for whoever the page's browser is logged in as. */
export async function store(
  page: Page,
  server: Server,
  provider: string,
  credentials: Record<string, string>,
): Promise<void> {
  const response = await page.request.post('/api/user-api-keys/store', {
    // A request with a session cookie has to say that it comes from this site.
    headers: { origin: server.url },
    data: { provider, credentials },
  });
  expect([201, 202], await response.text()).toContain(response.status());
}

/** Deletes a key through REST for whoever the page's browser is logged in as. */
export async function forget(page: Page, server: Server, provider: string): Promise<void> {
  const headers = { origin: server.url };
  const response = await page.request.delete(`/api/user-api-keys/${provider}`, { headers });
  expect(response.status(), await response.text()).toBe(204);
}

/** Expects that axe finds nothing wrong with the page, in the light and in the dark scheme. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    // Without motion no colour is measured half-way through a transition.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.target) }));
    expect(found, `axe, ${colorScheme} scheme`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
