// The simulator against `twilio`, Twilio's SDK for Node.js.

import twilio from 'twilio';
import { equal, main, raised } from './simulator.mjs';

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
});
