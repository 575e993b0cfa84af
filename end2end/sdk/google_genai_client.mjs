// The simulator against `@google/genai`, Google's SDK for the Gemini API in Node.js.

import { ApiError, FinishReason, GoogleGenAI } from '@google/genai';
import { equal, main, raised } from './simulator.mjs';

const model = 'gemini-3.8-flash';

/** A client for the test key `key`. */
function client(simulator, key = 'plenty', options = {}) {
  const apiKey = simulator.keys[`google_ai/${key}`].api_key;
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${simulator.base}/google_ai`, ...options } });
}

async function all(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

main('google-genai, Node.js', {
  async models(simulator) {
    const found = await all(client(simulator).models.list({ config: { pageSize: 1 } }));
    equal(found.map((one) => one.name), [
      'models/gemini-3.8-flash',
      'models/gemini-3.8-pro',
      'models/gemini-embedding-001',
    ]);
    equal((await client(simulator).models.get({ model })).displayName, 'Gemini 3.8 Flash');
    equal((await raised(ApiError, () => client(simulator).models.get({ model: 'gemini-0' }))).status, 404);
  },

  async content(simulator) {
    for (const apiVersion of ['v1', 'v1beta']) {
      const made = client(simulator, 'plenty', { apiVersion });
      const answer = await made.models.generateContent({ model, contents: 'Hello there' });
      equal([answer.text, answer.candidates[0].finishReason], ['You said: Hello there', FinishReason.STOP]);
      equal(answer.usageMetadata.totalTokenCount, 6);
    }
    const config = { maxOutputTokens: 3 };
    const cut = await client(simulator).models.generateContent({ model, contents: 'Hello there', config });
    equal(cut.candidates[0].finishReason, FinishReason.MAX_TOKENS);
    equal((await client(simulator).models.countTokens({ model, contents: 'Hello there' })).totalTokens, 2);
  },

  async stream(simulator) {
    const pieces = await all(client(simulator).models.generateContentStream({ model, contents: 'Hello there' }));
    equal(pieces.map((piece) => piece.text).join(''), 'You said: Hello there');
    equal(pieces.at(-1).candidates[0].finishReason, FinishReason.STOP);
  },

  async tools(simulator) {
    await simulator.control('POST', '/replies', { to: 'table', call: { name: 'book', arguments: { seats: 4 } } });
    const config = { tools: [{ functionDeclarations: [{ name: 'book' }] }] };
    const asked = { model, contents: 'A table for four', config };
    equal((await client(simulator).models.generateContent(asked)).functionCalls[0].args, { seats: 4 });
    const pieces = await all(client(simulator).models.generateContentStream(asked));
    equal(pieces.at(-1).functionCalls[0].name, 'book');
  },

  async refusals(simulator) {
    for (const [key, status] of [
      ['invalid', 400],
      ['wrong_kind', 401],
      ['restricted', 403],
      ['throttled', 429],
      ['exhausted', 429],
      ['down', 503],
    ]) {
      const { models } = client(simulator, key);
      for (const call of [
        () => models.list(),
        () => models.generateContent({ model, contents: 'Hello' }),
        () => all(models.generateContentStream({ model, contents: 'Hello' })),
      ]) {
        equal([key, (await raised(ApiError, call)).status], [key, status]);
      }
    }
  },

  async usedUp(simulator) {
    await simulator.control('PUT', '/keys/google_ai/plenty', { tokens_left: 6 });
    const ask = () => client(simulator).models.generateContent({ model, contents: 'Hello there' });
    await ask();
    const error = await raised(ApiError, ask);
    equal([error.status, error.message.includes('PerDay')], [429, true]);
  },

  async retries(simulator) {
    const fault = { kind: 'status', status: 503 };
    await simulator.control('POST', '/faults', { provider: 'google_ai', times: 1, fault });
    const made = client(simulator, 'plenty', { retryOptions: { attempts: 2 } });
    equal((await made.models.generateContent({ model, contents: 'Hi' })).text, 'You said: Hi');
    await simulator.fault('google_ai', { kind: 'hang_up' });
    await raised(null, () => client(simulator).models.generateContent({ model, contents: 'Hi' }));
  },

  async brokenStreams(simulator) {
    const stream = () => all(client(simulator).models.generateContentStream({ model, contents: 'Hello there' }));
    await simulator.fault('google_ai', { kind: 'stream_error', after_events: 2 });
    equal((await raised(ApiError, stream)).status, 503);
    await simulator.fault('google_ai', { kind: 'hang_up', after_bytes: 300 });
    await raised(null, stream);
  },
});
