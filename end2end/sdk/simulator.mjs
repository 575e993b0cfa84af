// The simulator's control API, and how a script reports: the twin of simulator.py.

import { isDeepStrictEqual, inspect } from 'node:util';

/** The simulator at `base`, reset. */
class Simulator {
  static async at(base) {
    const simulator = new Simulator();
    simulator.base = base;
    await simulator.control('POST', '/reset');
    const { items } = await simulator.control('GET', '/keys');
    simulator.keys = Object.fromEntries(items.map((key) => [`${key.provider}/${key.id}`, key.fields]));
    return simulator;
  }

  /** A control call with a JSON body; answers the JSON, if any. */
  async control(method, path, body) {
    const answer = await fetch(`${this.base}/_control${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`control ${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** Lets the next request to `provider` go wrong. */
  async fault(provider, fault) {
    await this.control('POST', '/faults', { provider, fault });
  }
}

/** Runs every check, by its name, with a fresh simulator at the address on the command line. */
export async function main(name, checks) {
  if (process.argv.length !== 3) {
    console.error(`usage: ${process.argv[1]} SIMULATOR_URL`);
    process.exit(1);
  }
  let failed = 0;
  for (const [title, check] of Object.entries(checks)) {
    try {
      await check(await Simulator.at(process.argv[2]));
    } catch (error) {
      // A failing check must not hide the others.
      failed += 1;
      console.error(`FAILED ${name}: ${title}: ${error instanceof Error ? error.stack : inspect(error)}`);
    }
  }
  const total = Object.keys(checks).length;
  console.log(`${name}: ${total - failed} of ${total} checks passed`);
  // An SDK may hold connections open.
  process.exit(failed ? 1 : 0);
}

/** Fails with both values when they differ. */
export function equal(actual, expected) {
  if (!isDeepStrictEqual(actual, expected)) throw new Error(`${inspect(actual)} is not ${inspect(expected)}`);
}

/** The error of class `kind` that `call` must end with; any thrown value with `kind` null. */
export async function raised(kind, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    if (kind === null || error instanceof kind) return error;
    throw error;
  }
  throw new Error(`no ${kind?.name ?? 'error'}, but ${inspect(answer)}`);
}

/** Asks again until `ask` answers something, for at most `seconds`. */
export async function eventually(ask, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`still nothing after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
