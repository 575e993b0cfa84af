import { expect, expectAccessible, forget, open, register, store, test } from '../fixtures';
import { CALLING, callState, placeCall } from '../pages';
import type { Page } from '@playwright/test';

/** Expects that axe is content, and that nothing sticks out of the narrowest windows that have to do. */
async function expectSound(page: Page): Promise<void> {
  await expectAccessible(page);
  const usual = page.viewportSize();
  for (const width of [320, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over, `pixels too wide at ${width}`).toBeLessThanOrEqual(0);
  }
  if (usual) await page.setViewportSize(usual);
}

test('a call is placed, followed, priced and heard again', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await open(page, CALLING);
  await expect(page.getByText('48.20 USD')).toBeVisible();
  await expect(page.getByText('Twilio reports, signed with your auth token.')).toBeVisible();
  await expect(page.getByLabel('From', { exact: true })).toHaveValue('+12025550142');
  await expect(page.getByText('No call yet.')).toBeVisible();
  await expectSound(page);

  await page.getByLabel('Record the call').check();
  await placeCall(page, '(212) 555-0188', 'Your order is ready.', 'US');
  await expect(page.locator('#call-title')).toHaveText('+12125550188');
  await expect(callState(page)).toHaveText('Completed');
  await expect(page.locator('.search-head .figures').last()).toContainText('0.014 USD');
  await expect(page.locator('.call-course li')).toContainText(['Dialling', 'Ringing', 'Answered', 'Completed']);
  await expect(page.locator('.call-course li').filter({ hasText: 'reported by Twilio' }).first()).toBeVisible();
  await page.getByRole('button', { name: 'Listen' }).click();
  const player = page.locator('audio');
  await expect(player).toBeVisible();
  const heard = await player.evaluate(
    (audio: HTMLAudioElement) =>
      new Promise<number>((resolve, reject) => {
        audio.addEventListener('loadedmetadata', () => resolve(audio.duration));
        audio.addEventListener('error', () => reject(new Error(audio.error?.message)));
        if (audio.readyState > 0) resolve(audio.duration);
        audio.load();
      }),
  );
  expect(heard).toBeGreaterThan(0);
  await expectSound(page);

  await page.getByRole('link', { name: 'Call again' }).click();
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('Your order is ready.');
  // What was said to somebody is in no address.
  await expect(page).toHaveURL(/again=[-0-9a-f]+$/);
  await page.getByLabel('Message', { exact: true }).fill('Your other order is ready.');
  await page.getByLabel('Number', { exact: true }).fill('0188');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page).toHaveURL(/number=0188/);
  await expect(page.locator('.cards-list h3')).toHaveText(['+12125550188']);
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('Your other order is ready.');
  await page.getByLabel('State').selectOption('Not answered or failed');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page.getByText('No call fits.')).toBeVisible();
  await page.getByRole('link', { name: 'All calls' }).click();
  await expect(page.locator('.cards-list h3')).toHaveText(['+12125550188']);
  // Today, by the browser's zone, is one of the days; yesterday is not.
  const days = await page.evaluate(() =>
    [0, 1].map((ago) => {
      const day = new Date();
      day.setDate(day.getDate() - ago);
      return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
    }),
  );
  await page.getByLabel('Ordered from').fill(days[0] ?? '');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page.getByText('Days are those of your time zone.')).toBeVisible();
  await expect(page.locator('.cards-list h3')).toHaveText(['+12125550188']);
  await expectSound(page);
  await page.getByLabel('Ordered from').fill('');
  await page.getByLabel('Ordered to').fill(days[1] ?? '');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page).toHaveURL(new RegExp(`until=${days[1]}`));
  await expect(page.getByText('No call fits.')).toBeVisible();
  await page.getByRole('link', { name: 'All calls' }).click();

  await open(page, '/analytics');
  const paid = page.getByRole('region', { name: 'Table of costs' });
  await expect(paid.getByRole('row', { name: 'Twilio Calling Operations create call 1 0.014 USD' })).toBeVisible();
  await expectSound(page);
  await open(page, CALLING);
  await page.locator('.cards-list a').click();
  await page.locator('summary', { hasText: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await expect(page).toHaveURL(CALLING);
  await expect(page.getByText('No call yet.')).toBeVisible();
});

test('a voice of one’s own speaks in a call', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'plenty'));
  await open(page, CALLING);
  await page.getByLabel('Voice', { exact: true }).selectOption('Sarah');
  await expectSound(page);
  await placeCall(page, '(212) 555-0188', 'Your order is ready.', 'US');
  await expect(callState(page)).toHaveText('Completed');
  await expect(page.getByText('Spoken by a voice of yours at ElevenLabs.')).toBeVisible();
  const fetched = (await simulator.requests()).filter((request) => request.path.includes('/text-to-speech/'));
  expect(fetched.length).toBeGreaterThan(0);
  await page.getByRole('link', { name: 'Call again' }).click();
  await expect(page.getByLabel('Voice', { exact: true })).toHaveValue('EXAVITQu4vr4xnSDxMaL');
});

test('a call that rings is hung up', async ({ page, server, simulator }) => {
  await simulator.pace({ second_ms: 1_000, webhook_timeout_ms: 15_000, price_after: 1 });
  await simulator.callee('+12125550177', { rings: 50 });
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await open(page, CALLING);
  await placeCall(page, '+1 212 555 0177', 'Hello.');
  await expect(callState(page)).toHaveText('Ringing');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Hang up' }).click();
  await expect(callState(page)).toHaveText(/Cancelled|Completed/);
  await expect(page.getByRole('button', { name: 'Hang up' })).toHaveCount(0);
});

test('what is wrong with a call is said where it is, and nothing is lost', async ({ page, server, simulator, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/place_call/);
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'trial'));
  await open(page, CALLING);
  await expect(page.getByText('This is a trial account.')).toBeVisible();
  await page.getByLabel('Call', { exact: true }).fill('030 901820');
  await page.getByLabel('Message', { exact: true }).fill('Hello.');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(page.getByText('The number does not say which country it is in.')).toBeVisible();
  await expect(page.getByLabel('Call', { exact: true })).toBeFocused();
  await expect(page.getByLabel('Message', { exact: true })).toHaveValue('Hello.');
  await expectSound(page);
  await page.getByLabel('Country').selectOption('DE');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await page.waitForURL(`**${CALLING}/calls/*`);
  await expect(callState(page)).toHaveText('Not placed');
  await expect(page.locator('.search-notices')).toContainText('a trial account calls only numbers that were verified');
  await expectSound(page);
});

test('without the key the calls stay', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await open(page, CALLING);
  await placeCall(page, '+12125550188', 'Hello.');
  await expect(callState(page)).toHaveText('Completed');
  await forget(page, server, 'twilio');
  await open(page, CALLING);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Calling Operations needs Twilio');
  await expect(page.locator('.cards-list h3')).toHaveText(['+12125550188']);
  await expectSound(page);
});
