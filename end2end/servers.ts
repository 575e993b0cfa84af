import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The database a server runs on. */
export type Engine = 'sqlite' | 'postgres';

/** A running Keyward, as the tests see it. */
export interface Server {
  /** Where browsers reach it, without a slash at the end. */
  url: string;
  /** Its own data directory; on SQLite the database lies in it. */
  dataDir: string;
  /** The file that holds everything it printed. */
  log: string;
  /** Its database, as the server was told. */
  database: string;
}

/** The limits that people meet, far out of the tests' way. A test of a limit starts a server of its own. */
const RAISED_LIMITS = {
  KEYWARD_LIMIT_LOGIN_PER_MINUTE: '100000',
  KEYWARD_LIMIT_REGISTER_PER_HOUR: '100000',
  KEYWARD_LIMIT_KEYS_PER_USER_PER_HOUR: '100000',
  KEYWARD_LIMIT_KEYS_PER_ADDRESS_PER_HOUR: '100000',
  KEYWARD_LIMIT_KEYS_PER_HOUR: '100000',
  KEYWARD_LIMIT_CHECKS_PER_USER_PER_HOUR: '100000',
};

/** All of the catalogue, so that no test can reach a real provider. */
const PROVIDERS = ['serpapi', 'elevenlabs', 'openai', 'twilio', 'anthropic', 'google_ai', 'exa'];

const LOGS = 'test-results/servers';

/** Starts processes, and stops each one it started, by its own id. */
export class Fleet {
  private readonly dataRoot = mkdtempSync(join(tmpdir(), 'keyward-end2end-'));
  private readonly environments = new Map<string, Record<string, string>>();
  private readonly children: ChildProcess[] = [];
  private readonly databases: string[] = [];

  /** A folder for what servers are to read, which goes when everything stops. */
  get folder(): string {
    return this.dataRoot;
  }

  /** Starts the simulator and answers its address. */
  async startSimulator(name: string): Promise<string> {
    const address = `127.0.0.1:${await freePort()}`;
    await this.launch(name, ['simulate', '--addr', address], {}, `http://${address}/`);
    return `http://${address}`;
  }

  /** Starts a server with a database of its own. `extra` settings win over the usual ones. */
  async startServer(
    name: string,
    engine: Engine,
    simulator: string,
    extra: Record<string, string> = {},
  ): Promise<Server> {
    const dataDir = join(this.dataRoot, name);
    mkdirSync(dataDir, { mode: 0o700 });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const database = engine === 'sqlite' ? `sqlite:${join(dataDir, 'keyward.db')}` : this.createDatabase(name);
    const environment = {
      ...RAISED_LIMITS,
      DATABASE_URL: database,
      KEYWARD_DATA_DIR: dataDir,
      KEYWARD_LOG: 'trace',
      ...Object.fromEntries(
        PROVIDERS.map((provider) => [`KEYWARD_${provider.toUpperCase()}_BASE_URL`, `${simulator}/${provider}`]),
      ),
      LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
      LEPTOS_SITE_ROOT: required('KEYWARD_SITE'),
      PUBLIC_URL: url,
      ...extra,
    };
    this.environments.set(name, environment);
    const log = await this.launch(name, ['serve'], environment, `${url}/readyz`);
    return { url, dataDir, log, database };
  }

  /** Runs a command with the settings of a server that was started, and answers what it printed. */
  run(name: string, args: string[]): string {
    const env = { PATH: required('PATH'), ...this.environments.get(name), KEYWARD_LOG: 'error' };
    return execFileSync(required('KEYWARD_SERVER'), args, { cwd: resolve('..'), env, encoding: 'utf8' });
  }

  /** Starts what `make demo` starts: a server that brings its own simulator, and keeps to its own folder. */
  async startDemo(name: string): Promise<Server> {
    const dataDir = join(this.dataRoot, name);
    mkdirSync(dataDir, { mode: 0o700 });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const environment = {
      KEYWARD_DATA_DIR: dataDir,
      LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
      LEPTOS_SITE_ROOT: required('KEYWARD_SITE'),
    };
    const log = await this.launch(name, ['serve', '--demo'], environment, `${url}/readyz`);
    return { url, dataDir, log, database: `sqlite:${join(dataDir, 'demo/keyward.db')}` };
  }

  /** Stops everything and removes what it left. */
  async stop(): Promise<void> {
    await Promise.all(this.children.map(stop));
    for (const database of this.databases) {
      execFileSync('dropdb', ['--force', `--maintenance-db=${required('KEYWARD_TEST_POSTGRES')}`, database]);
    }
    rmSync(this.dataRoot, { recursive: true, force: true });
  }

  private createDatabase(name: string): string {
    const url = new URL(required('KEYWARD_TEST_POSTGRES'));
    const database = `end2end_${name.replaceAll('-', '_')}_${process.pid}`;
    execFileSync('createdb', [`--maintenance-db=${url}`, database]);
    this.databases.push(database);
    url.pathname = `/${database}`;
    return url.href;
  }

  private async launch(
    name: string,
    args: string[],
    environment: Record<string, string>,
    readyUrl: string,
  ): Promise<string> {
    const log = resolve(LOGS, `${name}.log`);
    mkdirSync(dirname(log), { recursive: true });
    const output = openSync(log, 'w');
    const child = spawn(required('KEYWARD_SERVER'), args, {
      // The site settings are read from the project's folder.
      cwd: resolve('..'),
      // Nothing else of the caller's environment: settings and secrets of a real installation stay out.
      env: { PATH: required('PATH'), ...environment },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    this.children.push(child);
    await answers(readyUrl, () => {
      if (failure) throw failure;
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${name} stopped at once:\n${readFileSync(log, 'utf8').slice(-4000)}`);
      }
    });
    return log;
  }
}

/** Waits until the address answers; any answer of the simulator will do, a server must say it is ready. */
async function answers(url: string, check: () => void): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    check();
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response && (response.ok || !url.endsWith('/readyz'))) return;
    if (Date.now() > deadline) throw new Error(`${url} did not answer within 30 seconds`);
    await sleep(100);
  }
}

/** Asks a process to end, and ends it after ten seconds. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(hard);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the browser tests with scripts/end2end`);
  return value;
}
