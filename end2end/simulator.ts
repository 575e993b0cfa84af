import { expect } from '@playwright/test';

/** A simulated provider. */
export type Provider = 'serpapi' | 'twilio' | 'elevenlabs' | 'anthropic';

/** What the control API says about a test key. */
interface TestKey {
  provider: Provider;
  id: string;
  fields: Record<string, string>;
}

/** A change to a test key; see `src/simulator/control.rs`. */
interface Change {
  situation?: string;
  searches_left?: number;
  characters_left?: number;
}

/** A request that the simulator received. Keys in it are masked. */
export interface Recorded {
  provider?: Provider;
  path: string;
}

/** The provider simulator of this worker, through its control API. Each test finds it as at its start. */
export class Simulator {
  constructor(
    /** Its address, without a slash at the end. */
    readonly url: string,
  ) {}

  /** The fields of a test key, by name. */
  async key(provider: Provider, id: string): Promise<Record<string, string>> {
    const { items } = (await this.call('GET', 'keys')) as { items: TestKey[] };
    const found = items.find((key) => key.provider === provider && key.id === id);
    if (!found) throw new Error(`the simulator has no key ${id} of ${provider}`);
    return found.fields;
  }

  /** Changes what becomes of requests with a test key from now on. */
  async change(provider: Provider, id: string, change: Change): Promise<void> {
    await this.call('PUT', `keys/${provider}/${id}`, change);
  }

  /** Orders a fault for requests to come; see `src/simulator/faults.rs`. */
  async fault(order: object): Promise<void> {
    await this.call('POST', 'faults', order);
  }

  /** Orders texts that stand in answers instead of the provider's own; see `src/simulator/texts.rs`. */
  async texts(swap: { provider: string; member: string; texts: readonly string[] }): Promise<void> {
    await this.call('POST', 'texts', swap);
  }

  /** Sets how fast calls go; see `src/simulator/twilio/control.rs`. */
  async pace(pace: object): Promise<void> {
    await this.call('PUT', 'twilio/pace', pace);
  }

  /** Sets who answers at a number. */
  async callee(number: string, callee: object): Promise<void> {
    await this.call('PUT', `twilio/callees/${number}`, callee);
  }

  /** The requests so far. */
  async requests(): Promise<Recorded[]> {
    return ((await this.call('GET', 'journal')) as { items: Recorded[] }).items;
  }

  /** Everything as at the start. */
  async reset(): Promise<void> {
    await this.call('POST', 'reset');
  }

  private async call(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.url}/_control/${path}`, {
      method,
      headers: body && { 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    expect(response.ok, `${method} ${path}: ${response.status} ${text}`).toBe(true);
    return text && JSON.parse(text);
  }
}
