// The simulator against `@elevenlabs/elevenlabs-js`, ElevenLabs' SDK for Node.js.

import { ElevenLabsClient, ElevenLabsError } from '@elevenlabs/elevenlabs-js';
import { equal, main, raised } from './simulator.mjs';

const SARAH = 'EXAVITQu4vr4xnSDxMaL';
const TEXT = 'Good morning, how can I help you?';

/** A client for the test key `key`. */
function client(simulator, key = 'plenty', maxRetries = 0) {
  const apiKey = simulator.keys[`elevenlabs/${key}`].api_key;
  return new ElevenLabsClient({ apiKey, baseUrl: `${simulator.base}/elevenlabs`, maxRetries });
}

/** A file without a header that says how long it is: one frame of MPEG layer III after the other. */
function recording(frames) {
  const frame = Buffer.alloc(417);
  frame.set([0xff, 0xfb, 0x90, 0xc0]);
  return new Blob([Buffer.concat(Array.from({ length: frames }, () => frame))], { type: 'audio/mpeg' });
}

async function all(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

/** The bytes of a text's sound. */
async function speak(made, more = {}) {
  return Buffer.concat(await all(made.textToSpeech.convert(SARAH, { text: TEXT, ...more })));
}

/** `call` must be refused in ElevenLabs' form. */
async function refused(call, status, name) {
  const error = await raised(ElevenLabsError, call);
  equal([error.statusCode, error.body.detail.code ?? error.body.detail.status], [status, name]);
}

main('elevenlabs, Node.js', {
  async subscriptionAndModels(simulator) {
    const known = await client(simulator).user.subscription.get();
    equal([known.tier, known.characterCount, known.canUseInstantVoiceCloning], ['creator', 17_231, true]);
    const models = await client(simulator).models.list();
    equal(models.map((model) => model.modelId), ['eleven_flash_v2_5', 'eleven_multilingual_v2']);
  },

  async voices(simulator) {
    const made = client(simulator);
    const first = await made.voices.search({ pageSize: 4 });
    const second = await made.voices.search({ pageSize: 4, nextPageToken: first.nextPageToken });
    equal([first.voices.length, first.hasMore, first.totalCount], [4, true, 7]);
    equal([second.voices.length, second.hasMore], [3, false]);
    equal((await made.voices.search({ search: 'british' })).voices.map((voice) => voice.name), ['George']);
    equal((await made.voices.getAll()).voices.length, 7);
    equal((await made.voices.get(SARAH)).name, 'Sarah');
    await refused(() => made.voices.get('nobody'), 404, 'voice_not_found');
  },

  async cloning(simulator) {
    const made = client(simulator);
    const { voiceId } = await made.voices.ivc.create({ name: 'Reception', files: [recording(50)] });
    const known = await made.voices.get(voiceId);
    equal([known.name, known.category, known.samples[0].sizeBytes], ['Reception', 'cloned', 50 * 417]);
    equal((await made.user.subscription.get()).voiceSlotsUsed, 4);
    equal((await made.voices.update(voiceId, { name: 'Front office' })).status, 'ok');
    equal((await made.voices.get(voiceId)).name, 'Front office');
    equal((await made.voices.delete(voiceId)).status, 'ok');
    await refused(() => made.voices.get(voiceId), 404, 'voice_not_found');
    const free = client(simulator, 'free_plan');
    await refused(
      () => free.voices.ivc.create({ name: 'Reception', files: [recording(50)] }),
      402,
      'paid_plan_required',
    );
    const text = new Blob(['no sound at all'], { type: 'audio/mpeg' });
    await refused(() => made.voices.ivc.create({ name: 'Reception', files: [text] }), 400, 'invalid_content');
  },

  async speech(simulator) {
    const made = client(simulator);
    const telephone = await speak(made, { outputFormat: 'ulaw_8000' });
    equal(telephone.length, Math.round(TEXT.length * 0.06 * 8000));
    const mp3 = await speak(made);
    equal([mp3[0], mp3[1]], [0xff, 0xfb]);
    const streamed = Buffer.concat(await all(made.textToSpeech.stream(SARAH, { text: TEXT })));
    equal(Buffer.compare(mp3, streamed), 0);
    const timed = await made.textToSpeech.convertWithTimestamps(SARAH, { text: TEXT });
    equal(timed.alignment.characters.join(''), TEXT);
    const lines = await all(made.textToSpeech.streamWithTimestamps(SARAH, { text: TEXT }));
    equal(lines.flatMap((line) => line.alignment.characters).join(''), TEXT);
  },

  async countedDown(simulator) {
    const made = client(simulator);
    const { rawResponse } = await made.textToSpeech.convert(SARAH, { text: TEXT }).withRawResponse();
    equal(rawResponse.headers.get('character-cost'), '33');
    equal((await made.user.subscription.get()).characterCount, 17_231 + 33);
    await simulator.control('PUT', '/keys/elevenlabs/plenty', { characters_left: 10 });
    await refused(() => speak(made), 401, 'quota_exceeded');
  },

  async refusals(simulator) {
    await refused(() => client(simulator, 'invalid').user.subscription.get(), 401, 'invalid_api_key');
    await refused(() => client(simulator, 'restricted').user.subscription.get(), 401, 'missing_permissions');
    await refused(() => speak(client(simulator, 'throttled')), 429, 'too_many_concurrent_requests');
    await refused(() => speak(client(simulator, 'exhausted')), 401, 'quota_exceeded');
    await refused(() => speak(client(simulator, 'down')), 503, 'system_busy');
  },

  async retries(simulator) {
    const fault = { kind: 'status', status: 500 };
    await simulator.control('POST', '/faults', { provider: 'elevenlabs', times: 2, fault });
    equal((await client(simulator, 'plenty', 2).user.subscription.get()).tier, 'creator');
  },

  async brokenStream(simulator) {
    await simulator.fault('elevenlabs', { kind: 'hang_up', after_bytes: 10_000 });
    await raised(null, () => all(client(simulator).textToSpeech.stream(SARAH, { text: TEXT.repeat(10) })));
  },
});
