// The simulator against `@anthropic-ai/sdk`, Anthropic's SDK for Node.js.

import Anthropic from '@anthropic-ai/sdk';
import { equal, main, raised } from './simulator.mjs';

const MODEL = 'claude-haiku-4-5';
const TOOL = { name: 'book', input_schema: { type: 'object', properties: { seats: { type: 'integer' } } } };

/** A client for the test key `key`, which it sends as a bearer token. */
function client(simulator, key = 'plenty', maxRetries = 0) {
  const apiKey = simulator.keys[`anthropic/${key}`].api_key;
  return new Anthropic({ apiKey, authToken: null, baseURL: `${simulator.base}/anthropic`, maxRetries, timeout: 10_000 });
}

/** The parameters of a message. */
function asked(text = 'Hello there', more = {}) {
  return { model: MODEL, max_tokens: 100, messages: [{ role: 'user', content: text }], ...more };
}

async function all(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

main('anthropic, Node.js', {
  async models(simulator) {
    const found = await all(client(simulator).models.list({ limit: 2 }));
    equal(found.map((model) => model.id), ['claude-opus-5-5', 'claude-sonnet-5-5', MODEL]);
    equal((await client(simulator).models.retrieve(MODEL)).display_name, 'Claude Haiku 4.5');
    await raised(Anthropic.NotFoundError, () => client(simulator).models.retrieve('claude-0'));
  },

  async messages(simulator) {
    const answer = await client(simulator).messages.create(asked());
    equal([answer.content[0].text, answer.stop_reason], ['You said: Hello there', 'end_turn']);
    equal([answer.usage.input_tokens, answer.usage.output_tokens], [2, 4]);
    const cut = await client(simulator).messages.create(asked('Hello there', { max_tokens: 3 }));
    equal(cut.stop_reason, 'max_tokens');
    const { messages } = client(simulator);
    equal((await messages.countTokens({ model: MODEL, messages: asked().messages })).input_tokens, 2);
  },

  async stream(simulator) {
    const events = await all(client(simulator).messages.create(asked('Hello there', { stream: true })));
    const text = events.filter((event) => event.type === 'content_block_delta').map((event) => event.delta.text);
    equal([text.join(''), events.at(-1).type], ['You said: Hello there', 'message_stop']);
    const final = await client(simulator).messages.stream(asked()).finalMessage();
    equal([final.content[0].text, final.usage.output_tokens], ['You said: Hello there', 4]);
  },

  async tools(simulator) {
    await simulator.control('POST', '/replies', { to: 'table', call: { name: 'book', arguments: { seats: 4 } } });
    const params = asked('A table for four', { tools: [TOOL] });
    const whole = await client(simulator).messages.create(params);
    equal([whole.stop_reason, whole.content[0].input], ['tool_use', { seats: 4 }]);
    const streamed = await client(simulator).messages.stream(params).finalMessage();
    equal(streamed.content[0].input, { seats: 4 });
  },

  async refusals(simulator) {
    for (const [key, kind] of [
      ['invalid', Anthropic.AuthenticationError],
      ['suspended', Anthropic.BadRequestError],
      ['exhausted', Anthropic.BadRequestError],
      ['throttled', Anthropic.RateLimitError],
      ['down', Anthropic.InternalServerError],
    ]) {
      await raised(kind, () => client(simulator, key).models.list());
      await raised(kind, () => client(simulator, key).messages.create(asked()));
    }
    await raised(Anthropic.PermissionDeniedError, () => client(simulator, 'restricted').models.list());
    const unknown = asked('Hello', { model: 'claude-0' });
    await raised(Anthropic.NotFoundError, () => client(simulator).messages.create(unknown));
  },

  async usedUp(simulator) {
    await simulator.control('PUT', '/keys/anthropic/plenty', { tokens_left: 6 });
    await client(simulator).messages.create(asked());
    const error = await raised(Anthropic.BadRequestError, () => client(simulator).messages.create(asked()));
    equal(error.message.includes('credit balance is too low'), true);
  },

  async retries(simulator) {
    const fault = { kind: 'status', status: 529 };
    await simulator.control('POST', '/faults', { provider: 'anthropic', times: 2, fault });
    equal((await client(simulator, 'plenty', 2).messages.create(asked())).stop_reason, 'end_turn');
    await simulator.fault('anthropic', { kind: 'hang_up' });
    await raised(Anthropic.APIConnectionError, () => client(simulator).messages.create(asked()));
  },

  async brokenStreams(simulator) {
    const stream = () => all(client(simulator).messages.create(asked('Hello there', { stream: true })));
    await simulator.fault('anthropic', { kind: 'stream_error', after_events: 4 });
    equal((await raised(Anthropic.APIError, stream)).message.includes('overloaded_error'), true);
    await simulator.fault('anthropic', { kind: 'hang_up', after_bytes: 700 });
    await raised(null, stream);
  },
});
