// The simulator against `openai`, OpenAI's SDK for Node.js.

import OpenAI, { toFile } from 'openai';
import { equal, main, raised } from './simulator.mjs';

const TOOL = {
  type: 'function',
  function: { name: 'book', parameters: { type: 'object', properties: { seats: { type: 'integer' } } } },
};

/** A client for the test key `key`. */
function client(simulator, key = 'plenty', maxRetries = 0) {
  const apiKey = simulator.keys[`openai/${key}`].api_key;
  return new OpenAI({ apiKey, baseURL: `${simulator.base}/openai/v1`, maxRetries, timeout: 10_000 });
}

/** A chat completion. */
function say(made, text = 'Hello there', more = {}) {
  return made.chat.completions.create({ model: 'gpt-5.2', messages: [{ role: 'user', content: text }], ...more });
}

/** A WAV file of silence. */
function recording(seconds) {
  const samples = Buffer.alloc(Math.floor(8000 * seconds) * 2);
  const head = Buffer.from('RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0', 'latin1');
  head.writeUInt32LE(36 + samples.length, 4);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

async function all(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

main('openai, Node.js', {
  async models(simulator) {
    const ids = (await all(client(simulator).models.list())).map((model) => model.id);
    equal(['gpt-5.2', 'gpt-4o-transcribe'].every((id) => ids.includes(id)), true);
    equal((await client(simulator).models.retrieve('gpt-5.2')).owned_by, 'system');
    const error = await raised(OpenAI.NotFoundError, () => client(simulator).models.retrieve('gpt-0'));
    equal(error.code, 'model_not_found');
  },

  async chat(simulator) {
    const answer = await say(client(simulator));
    equal(answer.choices[0].message.content, 'You said: Hello there');
    equal(answer.usage.total_tokens, 6);
    const cut = await say(client(simulator), 'Hello there', { max_completion_tokens: 3 });
    equal(cut.choices[0].finish_reason, 'length');
  },

  async chatStream(simulator) {
    const chunks = await all(
      say(client(simulator), 'Hello there', { stream: true, stream_options: { include_usage: true } }),
    );
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    equal([text, chunks.at(-2).choices[0].finish_reason], ['You said: Hello there', 'stop']);
    equal([chunks.at(-1).choices, chunks.at(-1).usage.total_tokens], [[], 6]);
    const helper = client(simulator).chat.completions.stream({
      model: 'gpt-5.2',
      messages: [{ role: 'user', content: 'Hello there' }],
    });
    equal(await helper.finalContent(), 'You said: Hello there');
  },

  async tools(simulator) {
    await simulator.control('POST', '/replies', { to: 'table', call: { name: 'book', arguments: { seats: 4 } } });
    const whole = await say(client(simulator), 'A table for four', { tools: [TOOL] });
    equal(whole.choices[0].finish_reason, 'tool_calls');
    equal(JSON.parse(whole.choices[0].message.tool_calls[0].function.arguments), { seats: 4 });
    const helper = client(simulator).chat.completions.stream({
      model: 'gpt-5.2',
      messages: [{ role: 'user', content: 'A table for four' }],
      tools: [TOOL],
    });
    const { choices } = await helper.finalChatCompletion();
    equal(JSON.parse(choices[0].message.tool_calls[0].function.arguments), { seats: 4 });
  },

  async responses(simulator) {
    const made = client(simulator);
    const first = await made.responses.create({ model: 'gpt-5.2', input: 'Hello there' });
    equal([first.status, first.output_text, first.usage.total_tokens], ['completed', 'You said: Hello there', 6]);
    const events = await all(made.responses.create({ model: 'gpt-5.2', input: 'Hello there', stream: true }));
    const deltas = events.filter((event) => event.type === 'response.output_text.delta');
    equal(deltas.map((event) => event.delta).join(''), 'You said: Hello there');
    equal(events.at(-1).type, 'response.completed');
    const helper = made.responses.stream({ model: 'gpt-5.2', input: 'Hello there' });
    equal((await helper.finalResponse()).output_text, 'You said: Hello there');
    const unknown = () => made.responses.create({ model: 'gpt-5.2', input: 'Hello', previous_response_id: 'resp_0' });
    equal((await raised(OpenAI.BadRequestError, unknown)).code, 'previous_response_not_found');
  },

  async transcription(simulator) {
    const made = client(simulator);
    const file = await toFile(recording(1.5), 'call.wav');
    const hear = (more) => made.audio.transcriptions.create({ file, model: 'gpt-4o-transcribe', ...more });
    equal((await hear()).text, 'This is a recording of 1.5 seconds.');
    await simulator.control('POST', '/transcripts', { text: 'I would like a table.' });
    const events = await all(hear({ stream: true }));
    equal(events.at(-1).text, 'I would like a table.');
    const text = await toFile(Buffer.from('no sound'), 'call.wav');
    const error = await raised(OpenAI.BadRequestError, () => hear({ file: text }));
    equal(error.param, 'file');
  },

  async refusals(simulator) {
    for (const [key, kind, code] of [
      ['invalid', OpenAI.AuthenticationError, 'invalid_api_key'],
      ['throttled', OpenAI.RateLimitError, 'rate_limit_exceeded'],
      ['exhausted', OpenAI.RateLimitError, 'insufficient_quota'],
      ['country_refused', OpenAI.PermissionDeniedError, 'unsupported_country_region_territory'],
      ['down', OpenAI.InternalServerError, null],
    ]) {
      equal([key, (await raised(kind, () => client(simulator, key).models.list())).code], [key, code]);
      equal([key, (await raised(kind, () => say(client(simulator, key)))).code], [key, code]);
    }
    const error = await raised(OpenAI.BadRequestError, () => say(client(simulator), 'Hello', { max_tokens: 5 }));
    equal(error.param, 'max_tokens');
  },

  async usedUp(simulator) {
    await simulator.control('PUT', '/keys/openai/plenty', { tokens_left: 6 });
    const made = client(simulator, 'plenty', 2);
    await say(made);
    equal((await raised(OpenAI.RateLimitError, () => say(made))).code, 'insufficient_quota');
    const { items } = await simulator.control('GET', '/journal');
    equal(items.map((line) => line.status), [200, 429]);
  },

  async retries(simulator) {
    await simulator.control('POST', '/faults', {
      provider: 'openai',
      times: 2,
      fault: { kind: 'status', status: 500 },
    });
    equal((await say(client(simulator, 'plenty', 2))).choices[0].finish_reason, 'stop');
    await simulator.fault('openai', { kind: 'hang_up' });
    await raised(OpenAI.APIConnectionError, () => say(client(simulator)));
  },

  async brokenStreams(simulator) {
    const made = client(simulator);
    const stream = () => all(say(made, 'Hello there', { stream: true }));
    await simulator.fault('openai', { kind: 'stream_error', after_events: 2 });
    equal((await raised(OpenAI.APIError, stream)).type, 'server_error');
    await simulator.fault('openai', { kind: 'hang_up', after_bytes: 300 });
    await raised(null, stream);
    await simulator.fault('openai', { kind: 'stream_error', after_events: 3 });
    await raised(OpenAI.APIError, () =>
      all(made.responses.create({ model: 'gpt-5.2', input: 'Hello there', stream: true })),
    );
  },
});
