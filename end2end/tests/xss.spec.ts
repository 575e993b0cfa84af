import { expect, open, register, store, test } from '../fixtures';
import { CALLING, column, KEYS, SCRAPER, search, searchState, searchWeb } from '../pages';
import { PAYLOADS } from '../payloads';
import type { Page } from '@playwright/test';

const VOICES = '/services/voice-cloning';

/** The payloads, beginning with another one. */
function from(start: number): string[] {
  return [...PAYLOADS.slice(start), ...PAYLOADS.slice(0, start)];
}

/** Expects that nothing on the page came into being through a text: no element, no handler, no link to a script. */
async function expectTexts(page: Page): Promise<void> {
  const odd = await page.evaluate(() => {
    const found: string[] = [];
    const never = 'iframe, object, embed, base, math, marquee, plaintext, xmp, svg script, svg animate, [srcdoc]';
    for (const element of document.querySelectorAll(never)) found.push(element.outerHTML);
    for (const element of document.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        if (name.startsWith('on')) found.push(`${name}=${value}`);
        if (!['href', 'src', 'action', 'formaction', 'xlink:href', 'data'].includes(name)) continue;
        const { protocol, host } = new URL(value, location.href);
        if (!['http:', 'https:', 'mailto:', 'tel:', 'blob:'].includes(protocol)) found.push(`${name}=${value}`);
        // Only a link may lead elsewhere.
        if (element.tagName !== 'A' && protocol.startsWith('http') && host !== location.host) found.push(`${name}=${value}`);
      }
    }
    for (const script of document.querySelectorAll('script')) if (!script.nonce) found.push(script.outerHTML);
    return found;
  });
  expect(odd).toEqual([]);
}

/** The payloads that stand on the page as they are. */
async function shown(page: Page): Promise<string[]> {
  const text = await page.locator('main').evaluate((main) => main.textContent ?? '');
  return PAYLOADS.filter((payload) => text.includes(payload));
}

const dialogs: string[] = [];

test.beforeEach(async ({ page }) => {
  expect(new Set(PAYLOADS).size).toBeGreaterThanOrEqual(60);
  expect(PAYLOADS.filter((payload) => payload.length > 64)).toEqual([]);
  dialogs.length = 0;
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await register(page);
});

test.afterEach(() => expect(dialogs, 'dialogs').toEqual([]));

test('what a provider says of an account stays text on the cards', async ({ page, server, simulator }) => {
  const text = (provider: string, member: string, texts: string[]) => simulator.texts({ provider, member, texts });
  await text('serpapi', 'account_email', from(0).map((payload) => `x@${payload}`));
  await text('serpapi', 'plan_name', from(10));
  await text('elevenlabs', 'tier', from(20));
  await text('twilio', 'type', from(30));
  await text('twilio', 'phone_number', from(40));
  await text('twilio', 'friendly_name', from(0));
  const keys = { serpapi: 'plenty', elevenlabs: 'plenty', twilio: 'full' } as const;
  for (const [provider, id] of Object.entries(keys) as [keyof typeof keys, string][]) {
    await store(page, server, provider, await simulator.key(provider, id));
  }
  const seen = new Set<string>();
  for (let round = 0; round < 30 && seen.size < PAYLOADS.length; round += 1) {
    await Promise.all(
      Object.keys(keys).map(async (provider) => {
        const request = { headers: { origin: server.url }, data: { provider } };
        expect((await page.request.post('/api/user-api-keys/validate', request)).status()).toBe(200);
      }),
    );
    await open(page, KEYS);
    for (const payload of await shown(page)) seen.add(payload);
    await expectTexts(page);
  }
  expect(PAYLOADS.filter((payload) => !seen.has(payload)), 'payloads that were not shown').toEqual([]);
});

test('what a search finds stays text, and a link only where it is one', async ({ page, server, simulator }) => {
  const addresses = from(30).map((payload, place) => (place % 2 ? payload : `https://site.example/${payload}`));
  for (const [member, texts] of [
    ['title', from(0)],
    ['type', from(10)],
    ['address', from(20)],
    ['website', addresses],
    ['phone', from(40)],
    ['snippet', from(20)],
    ['displayed_link', from(40)],
    ['link', addresses],
  ] as const) {
    await simulator.texts({ provider: 'serpapi', member, texts });
  }
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  for (const [start, columns] of [
    [() => search(page, 'many bakeries', 'Berlin', 120), ['Name', 'Category', 'Address', 'Phone']],
    [() => searchWeb(page, 'many bakeries', 80), ['Title']],
  ] as const) {
    await open(page, SCRAPER);
    // The results arrive while the page is open: the browser draws them.
    await start();
    await expect(searchState(page)).toHaveText('Finished', { timeout: 30_000 });
    await expect(page.locator('.search-pages')).toContainText(/[1-9]\d* of/);
    await expectTexts(page);
    // Once more from the server, in parts until each was seen.
    await open(page, new URL(page.url()).pathname);
    const seen = new Map(columns.map((heading) => [heading, new Set<string>()]));
    for (;;) {
      await expectTexts(page);
      for (const heading of columns) for (const text of await column(page, heading)) seen.get(heading)?.add(text.trim());
      const next = page.getByRole('link', { name: 'Next page' });
      if ((await next.count()) === 0) break;
      await open(page, (await next.getAttribute('href')) ?? '');
    }
    for (const [heading, texts] of seen) {
      expect(PAYLOADS.filter((payload) => !texts.has(payload)), `not shown in ${heading}`).toEqual([]);
    }
  }
});

test('names and descriptions of voices stay text', async ({ page, server, simulator }) => {
  await simulator.texts({ provider: 'elevenlabs', member: 'tier', texts: [...PAYLOADS] });
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'plenty'));
  const voices = PAYLOADS.map((payload, place) => ({
    voice_id: `voice${place}`,
    name: payload,
    description: `About ${PAYLOADS.at(-place - 1) ?? ''}`,
    category: 'cloned',
    is_owner: true,
    labels: { [payload.slice(0, 40)]: payload },
  }));
  const body = { voices, has_more: false, total_count: voices.length, next_page_token: null };
  const fault = { provider: 'elevenlabs', path: '/voices', times: 4, fault: { kind: 'status', status: 200, body } };
  await simulator.fault(fault);
  // As the server draws it, and then as the browser does.
  await open(page, VOICES);
  for (const drawn of ['server', 'browser']) {
    const names = page.locator('main .card h3');
    await expect(names, drawn).toHaveCount(PAYLOADS.length);
    expect(await names.allTextContents(), drawn).toEqual(PAYLOADS);
    const cards = (await page.locator('main .card').allTextContents()).join('\n');
    expect(PAYLOADS.filter((payload) => !cards.includes(`About ${payload}`)), drawn).toEqual([]);
    await expectTexts(page);
    if (drawn === 'server') {
      const navigation = page.getByRole('navigation').first();
      await navigation.getByRole('link', { name: 'Overview' }).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Overview');
      await navigation.locator(`a[href="${VOICES}"]`).click();
    }
  }
  for (const payload of PAYLOADS.slice(0, 4)) {
    await open(page, `${VOICES}?${new URLSearchParams({ voice: 'voice0', named: payload })}`);
    await expect(page.getByText(`Voice: ${payload}`).first()).toBeVisible();
    await expectTexts(page);
  }
});

test('names of telephone numbers stay text', async ({ page, server, simulator }) => {
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  const numbers = PAYLOADS.map((payload, place) => ({
    phone_number: `+1202555${String(100 + place).padStart(4, '0')}`,
    friendly_name: payload,
    capabilities: { voice: true, sms: false, mms: false },
  }));
  const body = { incoming_phone_numbers: numbers };
  await simulator.fault({
    provider: 'twilio',
    path: '/IncomingPhoneNumbers',
    times: 2,
    fault: { kind: 'status', status: 200, body },
  });
  await open(page, CALLING);
  await expect(page.locator('.call-numbers li').nth(PAYLOADS.length - 1)).toBeVisible();
  expect(await shown(page)).toEqual(PAYLOADS);
  await expectTexts(page);
});

test('a script that gets into a page all the same is not run, and is noticed', async ({ page, complaints }) => {
  complaints.allow(/Content Security Policy/);
  await open(page, KEYS);
  expect(complaints.heard).toEqual([]);
  const blocked = await page.evaluate(async () => {
    const violations: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'window.ran = true; alert(7)';
    document.body.append(script);
    const image = document.createElement('div');
    image.innerHTML = '<img src="/favicon.svg" onload="window.ran = true; alert(7)">';
    document.body.append(image);
    const foreign = document.createElement('img');
    foreign.src = 'https://evil.example/x.png';
    document.body.append(foreign);
    await new Promise((resolve) => setTimeout(resolve, 500));
    return { violations, ran: 'ran' in window };
  });
  expect(blocked.ran).toBe(false);
  expect(blocked.violations).toEqual(expect.arrayContaining(['script-src-elem', 'script-src-attr', 'img-src']));
  // And the check that every test has would have failed.
  expect(complaints.heard.filter((text) => /Content Security Policy/.test(text)).length).toBeGreaterThanOrEqual(3);
  await expect(expectTexts(page)).rejects.toThrow(/onload=/);
});
