// The simulator against `twilio`, Twilio's SDK for Node.js.

import twilio from 'twilio';
import { listening } from './listener.mjs';
import { equal, eventually, main, raised } from './simulator.mjs';

const FROM = '+12025550142';
const TO = '+14155550123';

/** A client for the test key `key`, by API key if it has one. */
function client(simulator, key) {
  const { account_sid, auth_token, api_key_sid, api_key_secret } = simulator.keys[`twilio/${key}`];
  const made = api_key_sid
    ? twilio(api_key_sid, api_key_secret, { accountSid: account_sid })
    : twilio(account_sid, auth_token);
  made.api.baseUrl = `${simulator.base}/twilio`;
  return made;
}

/** `call` must be refused in Twilio's form. */
async function refusal(call, status, code) {
  const error = await raised(twilio.RestException, call);
  equal([error.status, error.code], [status, code]);
  return error;
}

/** The call, once it is over. */
function ended(made, sid) {
  return eventually(async () => {
    const call = await made.calls(sid).fetch();
    return call.endTime && call;
  });
}

/** Every request must bear the account's signature, as the SDK checks it. */
function signed(simulator, requests) {
  const token = simulator.keys['twilio/full'].auth_token;
  for (const { url, params, headers } of requests) {
    const signature = headers['x-twilio-signature'];
    equal(twilio.validateRequest(token, signature, url, params), true);
    equal(twilio.validateRequest('0'.repeat(32), signature, url, params), false);
    equal(twilio.validateRequest(token, signature, url, { ...params, Extra: '1' }), false);
  }
}

main('twilio, Node.js', {
  async account(simulator) {
    for (const [key, status, type] of [
      ['full', 'active', 'Full'],
      ['trial', 'active', 'Trial'],
      ['closed', 'closed', 'Full'],
    ]) {
      const made = client(simulator, key);
      const known = await made.api.v2010.accounts(made.accountSid).fetch();
      equal([known.status, known.type, known.dateCreated.getUTCFullYear()], [status, type, 2015]);
    }
  },

  async refusals(simulator) {
    for (const [key, status, code] of [
      ['invalid', 401, 20003],
      ['suspended', 401, 20003],
      ['throttled', 429, 20429],
      ['down', 503, 20503],
    ]) {
      await refusal(() => client(simulator, key).balance.fetch(), status, code);
    }
    const made = client(simulator, 'api_key');
    const error = await refusal(() => made.api.v2010.accounts(made.accountSid).fetch(), 401, 20003);
    equal(error.message, 'Authentication Error - invalid username');
  },

  async callsPageByPage(simulator) {
    const calls = await client(simulator, 'full').calls.list({ pageSize: 2 });
    equal([calls.length, new Set(calls.map((call) => call.sid)).size], [7, 7]);
  },

  async numbersAndBalance(simulator) {
    const made = client(simulator, 'full');
    const [number] = await made.incomingPhoneNumbers.list();
    equal([number.capabilities.voice, number.status], [true, 'in-use']);
    equal((await made.balance.fetch()).balance, '48.20');
    equal((await client(simulator, 'caller_id_only').outgoingCallerIds.list()).length, 1);
  },

  async pagesAndDates(simulator) {
    const { calls } = client(simulator, 'full');
    let each = 0;
    await calls.each({ pageSize: 3, callback: () => (each += 1) });
    equal(each, 7);
    const page = await calls.page({ pageSize: 4 });
    equal([page.instances.length, (await page.nextPage()).instances.length], [4, 3]);
    equal((await calls.list({ startTimeBefore: new Date('2026-11-20T12:00:00Z') })).length, 2);
  },

  async lifeOfACall(simulator) {
    const made = client(simulator, 'full');
    const twiml = new twilio.twiml.VoiceResponse();
    twiml.say('Hello');
    await listening({ '/twiml': ['text/xml', twiml.toString()] }, async (listener) => {
      const call = await made.calls.create({
        to: TO,
        from: FROM,
        url: `${listener.base}/twiml?a=1`,
        statusCallback: `${listener.base}/status`,
        statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
      });
      equal([call.status, call.to, call.price], ['queued', TO, null]);
      const told = await listener.heard('/status', 4);
      equal(told.map(({ params }) => params.CallStatus), ['initiated', 'ringing', 'in-progress', 'completed']);
      signed(simulator, listener.requests);
      const known = await ended(made, call.sid);
      equal([known.status, known.duration], ['completed', told[3].params.CallDuration]);
      equal((await eventually(async () => (await made.calls(call.sid).fetch()).price)), '-0.01400');
      equal(await made.calls(call.sid).remove(), true);
      await refusal(() => made.calls(call.sid).fetch(), 404, 20404);
    });
  },

  async refusedCalls(simulator) {
    const { calls } = client(simulator, 'full');
    const order = { to: TO, from: FROM, twiml: '<Response/>' };
    for (const [code, change] of [
      [21211, { to: '+1415555' }],
      [21217, { to: '+15005550001' }],
      [21215, { to: '+15005550003' }],
      [21212, { from: 'nobody' }],
      [21210, { from: TO }],
      [21205, { twiml: undefined }],
      [21609, { statusCallback: 'https://example.org/' }],
    ]) {
      await refusal(() => calls.create({ ...order, ...change }), 400, code);
    }
    await refusal(() => client(simulator, 'trial').calls.create(order), 400, 21219);
    await refusal(() => client(simulator, 'no_calls').calls.create(order), 403, 70051);
  },

  async conversation(simulator) {
    const made = client(simulator, 'full');
    await simulator.control('PUT', `/twilio/callees/${TO}`, { turns: [{ says: 'Tomorrow at nine' }, { presses: '1' }] });
    const ask = new twilio.twiml.VoiceResponse();
    ask.gather({ input: ['speech', 'dtmf'], action: '/turn', numDigits: 1 }).say('When?');
    const reply = ['text/xml', ask.toString()];
    await listening({ '/twiml': reply, '/turn': reply }, async (listener) => {
      const { sid } = await made.calls.create({ to: TO, from: FROM, url: `${listener.base}/twiml` });
      await ended(made, sid);
      const turns = await listener.heard('/turn', 2);
      equal(turns.map(({ params }) => params.SpeechResult ?? params.Digits), ['Tomorrow at nine', '1']);
      signed(simulator, listener.requests);
    });
  },

  async controlOfACall(simulator) {
    const made = client(simulator, 'full');
    const waits = { to: TO, from: FROM, twiml: '<Response><Pause length="600"/></Response>' };
    await simulator.control('PUT', `/twilio/callees/${TO}`, { rings: 1e6 });
    const early = await made.calls.create(waits);
    await refusal(() => made.calls(early.sid).update({ twiml: '<Response/>' }), 400, 21220);
    await simulator.control('PUT', `/twilio/callees/${TO}`, {});
    const { sid } = await made.calls.create(waits);
    await eventually(async () => (await made.calls(sid).fetch()).status === 'in-progress');
    await refusal(() => made.calls(sid).remove(), 409, 20009);
    equal((await made.calls(sid).update({ twiml: waits.twiml })).status, 'in-progress');
    equal((await made.calls(sid).update({ status: 'completed' })).status, 'completed');
  },

  async recording(simulator) {
    const made = client(simulator, 'full');
    await listening({}, async (listener) => {
      const { sid } = await made.calls.create({
        to: TO,
        from: FROM,
        twiml: '<Response><Pause length="3"/></Response>',
        record: true,
        recordingStatusCallback: `${listener.base}/ready`,
      });
      const told = await listener.heard('/ready');
      signed(simulator, told);
      const [known] = await made.recordings.list({ callSid: sid });
      equal([known.sid, known.channels, known.source], [told[0].params.RecordingSid, 1, 'OutboundAPI']);
      equal((await made.calls(sid).recordings.list()).length, 1);
      const { account_sid, auth_token } = simulator.keys['twilio/full'];
      const authorization = `Basic ${Buffer.from(`${account_sid}:${auth_token}`).toString('base64')}`;
      const media = await fetch(`${known.mediaUrl}.wav`, { headers: { authorization } });
      const sound = Buffer.from(await media.arrayBuffer());
      equal([sound.toString('latin1', 0, 4), sound.readUInt32LE(24)], ['RIFF', 8000]);
      equal(sound.readUInt32LE(40), Number(known.duration) * 16000);
      equal(await made.recordings(known.sid).remove(), true);
    });
  },

  async faultsAndForgeries(simulator) {
    const made = client(simulator, 'full');
    await simulator.fault('twilio', { kind: 'too_many_requests' });
    await refusal(() => made.balance.fetch(), 429, 20429);
    await simulator.control('POST', '/twilio/callback_faults', { fault: { kind: 'unsigned' } });
    await listening({}, async (listener) => {
      const order = { to: TO, from: FROM, twiml: '<Response/>', statusCallback: `${listener.base}/status` };
      await made.calls.create(order);
      const [told] = await listener.heard('/status');
      equal(told.headers['x-twilio-signature'], undefined);
    });
  },
});
