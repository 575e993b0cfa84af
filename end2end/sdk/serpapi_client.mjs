// The simulator against `serpapi`, SerpAPI's SDK for Node.js. Its host is fixed and its requests are https; an agent
// that opens a plain connection to the simulator is the way round that needs no change to the SDK.

import https from 'node:https';
import net from 'node:net';
import * as serpapi from 'serpapi';
import { equal, main, raised } from './simulator.mjs';

const MAPS = { engine: 'google_maps', type: 'search', ll: '@40.7455,-74.0083,14z' };

/** Sends the SDK to the simulator, and answers the parameters that show the test key `key`. */
function as(simulator, key) {
  const { hostname, port } = new URL(simulator.base);
  const agent = new https.Agent();
  // The SDK knows no path in front of its own: the request line gets it on its way out.
  agent.createConnection = () => {
    const socket = net.connect(port, hostname);
    const write = socket.write.bind(socket);
    socket.write = (chunk, ...rest) =>
      write(typeof chunk === 'string' ? chunk.replace(/^GET \//, 'GET /serpapi/') : chunk, ...rest);
    return socket;
  };
  serpapi.config.requestOptions = { agent };
  return key === undefined ? {} : { api_key: simulator.keys[`serpapi/${key}`].api_key };
}

/** The text of the error that `call` must end with: this SDK throws the body as it is. */
async function refusal(call) {
  return JSON.parse(await raised(null, call)).error;
}

main('serpapi, Node.js', {
  async account(simulator) {
    const known = await serpapi.getAccount(as(simulator, 'plenty'));
    equal([known.total_searches_left, known.plan_name], [958, 'Starter']);
    equal(known.api_key, simulator.keys['serpapi/plenty'].api_key);
  },

  async refusals(simulator) {
    for (const [key, text] of [
      ['invalid', 'Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key'],
      ['exhausted', 'Your account has run out of searches.'],
    ]) {
      equal(await refusal(() => serpapi.getJson({ ...MAPS, q: 'tea', ...as(simulator, key) })), text);
    }
    const throttled = await refusal(() => serpapi.getJson({ ...MAPS, q: 'tea', ...as(simulator, 'throttled') }));
    equal(throttled.includes('throughput'), true);
    equal(
      await refusal(() => serpapi.getJson({ ...MAPS, ...as(simulator, 'plenty') })),
      'Missing query `q` parameter.',
    );
  },

  async pagesOfPlaces(simulator) {
    const key = as(simulator, 'plenty');
    const titles = [];
    for (let start = 0, next = true; next; start += 20) {
      const page = await serpapi.getJson({ ...MAPS, q: 'many cafes', start, ...key });
      titles.push(...page.local_results.map((place) => place.title));
      next = page.serpapi_pagination?.next;
    }
    equal(titles.length, 120);
    equal((await serpapi.getAccount(key)).this_month_usage, 48);
  },

  async pagesOfTheWeb(simulator) {
    const key = as(simulator, 'plenty');
    const first = await serpapi.getJson('google', { q: 'tea', ...key });
    const second = await serpapi.getJson('google', { q: 'tea', start: 10, ...key });
    equal([first.organic_results.length, first.serpapi_pagination.current], [10, 1]);
    equal([second.organic_results.length, second.serpapi_pagination.current], [10, 2]);
    equal(first.organic_results[0].link === second.organic_results[0].link, false);
  },

  async archive(simulator) {
    const key = as(simulator, 'plenty');
    const made = await serpapi.getJson({ engine: 'google', q: 'tea', async: true, ...key });
    equal(made.search_metadata.status, 'Queued');
    const done = await serpapi.getJsonBySearchId(made.search_metadata.id, key);
    equal([done.search_metadata.status, done.organic_results.length], ['Success', 10]);
    equal(await refusal(() => serpapi.getJsonBySearchId('0'.repeat(24), key)), 'The requested search does not exist.');
  },

  async pagesAsHtml(simulator) {
    const key = as(simulator, 'plenty');
    const found = await serpapi.getJson({ engine: 'google', q: 'odd tea', ...key });
    for (const html of [
      await serpapi.getHtml({ engine: 'google', q: 'odd tea', ...key }),
      await serpapi.getHtmlBySearchId(found.search_metadata.id, key),
    ]) {
      equal([html.startsWith('<!doctype html>'), html.includes(found.organic_results[0].link)], [true, true]);
    }
  },

  async locations(simulator) {
    as(simulator);
    const found = await serpapi.getLocations({ q: 'Austin', limit: 1 });
    equal(found[0].canonical_name, 'Austin,Texas,United States');
  },

  async noKeyAndNoAnswer(simulator) {
    await raised(serpapi.MissingApiKeyError, () => serpapi.getAccount(as(simulator)));
    const patience = { timeout: 300 };
    await raised(serpapi.RequestTimeoutError, () =>
      serpapi.getAccount({ ...as(simulator, 'never_answers'), ...patience }),
    );
    await simulator.fault('serpapi', { kind: 'hang_up' });
    equal((await raised(Error, () => serpapi.getAccount(as(simulator, 'plenty')))).code, 'ECONNRESET');
  },
});
