import { statSync } from 'node:fs';
import { expect, expectAccessible, forget, open, register, store, test } from '../fixtures';
import type { Page } from '@playwright/test';

const VOICES = '/services/voice-cloning';
const NEW = '/services/voice-cloning/new';

/** A second of WAV. */
function sound(): Buffer {
  const samples = Buffer.alloc(16_000, 7);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(16_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

/** Waits until the page's sound can be played, and returns its length in seconds. */
async function plays(page: Page, selector: string): Promise<number> {
  const audio = page.locator(selector);
  await expect.poll(() => audio.evaluate((element: HTMLAudioElement) => element.readyState)).toBeGreaterThanOrEqual(1);
  return audio.evaluate((element: HTMLAudioElement) => element.duration);
}

/** Expects that nothing sticks out of narrow windows, and that axe is content. */
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

test.beforeEach(async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'plenty'));
});

test('voices are searched, heard, renamed and deleted', async ({ page }) => {
  await open(page, VOICES);
  const rows = page.locator('main section', { hasText: 'Voices' }).first().locator('.card');
  await expect(rows).toHaveCount(7);
  await expectSound(page);
  // Looking for a voice loses nothing of the text that it is to speak.
  await page.getByLabel('Text').fill('Good morning');
  await page.getByLabel('Search').fill('narr');
  await page.getByLabel('Kind').selectOption('own');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(rows).toHaveCount(1);
  await expect(page).toHaveURL(/search=narr/);
  await rows.getByRole('link', { name: 'Speak' }).click();
  await expect(page).toHaveURL(/search=narr&kind=own&voice=/);
  await expect(rows).toHaveCount(1);
  await expect(page.getByLabel('Text')).toHaveValue('Good morning');
  await rows.getByText('Listen').click();
  expect(await plays(page, 'audio')).toBeGreaterThan(0.1);
  await expect(page.locator('audio')).toBeFocused();
  await rows.locator('summary', { hasText: 'Rename' }).click();
  await rows.getByLabel('Name').fill('Storyteller');
  await rows.getByRole('button', { name: 'Rename it' }).click();
  await expect(page.getByRole('heading', { name: 'Storyteller' })).toBeVisible();
  await expect(rows).toHaveCount(7);
  // A form that was open for one voice is never another one's.
  await expect(page.locator('main details[open]')).toHaveCount(0);
  await open(page, `${VOICES}?search=storyteller`);
  await expect(rows).toHaveCount(1);
  await rows.locator('summary', { hasText: 'Delete' }).click();
  await expect(rows.getByRole('button', { name: 'Delete it' })).toBeVisible();
  await expectSound(page);
  await rows.getByRole('button', { name: 'Delete it' }).click();
  await expect(rows).toHaveCount(6);
  await expect(page.getByRole('heading', { name: 'Storyteller' })).toHaveCount(0);
});

test('a text is priced, spoken, played and downloaded', async ({ page }) => {
  await open(page, VOICES);
  await expect(page.getByText('Choose a voice first')).toBeVisible();
  await page.getByRole('link', { name: 'Speak with Sarah' }).click();
  await expect(page.getByText('Voice: Sarah')).toBeVisible();
  await page.getByLabel('Text').fill('Good morning');
  await expect(page.locator('#text-price')).toHaveText('12 of 10,000 characters. With Eleven Flash v2.5 it costs 6.');
  await page.getByLabel('Model').selectOption('eleven_multilingual_v2');
  await expect(page.locator('#text-price')).toContainText('it costs 12.');
  await page.getByRole('button', { name: 'Speak it' }).click();
  await expect(page.getByText('It cost 12 characters; 82,757 are left.')).toBeVisible();
  expect(await plays(page, '#speech-form audio')).toBeGreaterThan(0.1);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toBe('speech.mp3');
  await expectSound(page);
  await page.getByLabel('Format').selectOption('ulaw_8000');
  await page.getByRole('button', { name: 'Speak it' }).click();
  await expect(page.getByText('Browsers do not play this format')).toBeVisible();
});

test('speech plays while it comes, and can be stopped', async ({ page, simulator }) => {
  await open(page, `${VOICES}?voice=EXAVITQu4vr4xnSDxMaL&named=Sarah`);
  const audio = page.locator('#speech-form audio');
  const position = () => audio.evaluate((element: HTMLAudioElement) => element.currentTime);
  const size = async () => {
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    return statSync(await (await download).path()).size;
  };
  await simulator.fault({ provider: 'elevenlabs', path: 'text-to-speech', fault: { kind: 'drip', milliseconds: 2 } });
  await page.getByLabel('Text').fill('Good morning');
  await page.getByRole('button', { name: 'Speak it' }).click();
  await expect(page.getByText('It plays while it comes.')).toBeVisible();
  await expect.poll(position, { timeout: 40_000 }).toBeGreaterThan(0.05);
  await expect(page.getByRole('link', { name: 'Download' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText('It ended early; what had come is kept')).toBeVisible();
  await expectSound(page);
  const part = await size();
  expect(part).toBeGreaterThan(0);

  await page.getByRole('button', { name: 'Speak it' }).click();
  await expect(page.getByText('It is kept until you leave this page')).toBeVisible();
  // To its end, by the source that it began with.
  await expect.poll(() => audio.evaluate((element: HTMLAudioElement) => element.ended), { timeout: 20_000 }).toBe(true);
  expect(await size()).toBeGreaterThan(part);
});

test('what cannot be spoken is said', async ({ page, simulator, complaints }) => {
  complaints.allow(/status of 422 .*\/speech/);
  await open(page, `${VOICES}?voice=EXAVITQu4vr4xnSDxMaL&named=Sarah`);
  await page.getByRole('button', { name: 'Speak it' }).click();
  await expect(page.getByText('Text is missing.')).toBeVisible();
  await expect(page.getByLabel('Text')).toBeFocused();
  await simulator.change('elevenlabs', 'plenty', { characters_left: 3 });
  await open(page, `${VOICES}?voice=EXAVITQu4vr4xnSDxMaL&named=Sarah`);
  await page.getByLabel('Text').fill('Good morning');
  await expect(page.locator('#text-price')).toContainText('Only 3 are left of the plan.');
  await page.getByRole('button', { name: 'Speak it' }).click();
  await expect(page.getByText('nothing is left on the account')).toBeVisible();
  await expect(page.getByLabel('Text')).toHaveValue('Good morning');
});

test('a voice is cloned from a file, and the consent outlives the key', async ({ page, server }) => {
  await open(page, VOICES);
  await page.getByRole('link', { name: 'Clone a voice' }).click();
  await page.locator('html[data-alive]').waitFor();
  await expect(page.getByText('3 of 30 places')).toBeVisible();
  await expectSound(page);
  await page.getByRole('button', { name: 'Clone the voice' }).click();
  await expect(page.getByText('Choose a file, or record something.')).toBeVisible();
  await expect(page.getByText('Without this declaration no voice is cloned.')).toBeVisible();
  await expectSound(page);
  await page.getByLabel('Files').setInputFiles({ name: 'a.wav', mimeType: 'audio/wav', buffer: Buffer.from('no sound') });
  await page.getByLabel('Name').fill('Reception');
  await page.getByLabel('This is my own voice').check();
  await page.getByRole('button', { name: 'Clone the voice' }).click();
  await expect(page.getByText('A sample is no sound that is taken')).toBeVisible();
  await page.getByLabel('Files').setInputFiles({ name: 'a.wav', mimeType: 'audio/wav', buffer: sound() });
  await page.getByRole('button', { name: 'Clone the voice' }).click();
  await expect(page.locator('#made')).toContainText('The voice Reception is made.');
  await expect(page.locator('#made')).toBeFocused();
  await page.getByRole('link', { name: 'Speak with it' }).click();
  await expect(page.getByText('Voice: Reception')).toBeVisible();
  await forget(page, server, 'elevenlabs');
  await open(page, VOICES);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Voice Cloning needs ElevenLabs');
  await expect(page.getByText('I have the express consent')).toBeVisible();
  await expectSound(page);
});

test('a voice is cloned from the microphone, by keyboard', async ({ page }) => {
  await open(page, NEW);
  await page.getByRole('button', { name: 'Record' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Stop' })).toBeFocused();
  await expect(page.getByText('Go on: one or two minutes are best.')).toBeVisible();
  // The microphone of the test beeps once a second; whoever looked once a second might never see it.
  await page.locator('.level').evaluate(
    (meter: HTMLMeterElement) =>
      new Promise<void>((resolve) => {
        const look = () => (meter.value > 0 ? resolve() : requestAnimationFrame(look));
        look();
      }),
  );
  await page.waitForTimeout(1_500);
  await expectAccessible(page);
  await page.keyboard.press('Enter');
  await expect(page.getByText('That is short')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Record again' })).toBeFocused();
  await plays(page, '.recorder audio');
  await expectSound(page);
  await page.getByRole('button', { name: 'Throw away' }).click();
  await page.getByRole('button', { name: 'Record', exact: true }).click();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Record again' }).click();
  await expect(page.getByRole('button', { name: 'Stop' })).toBeFocused();
  await page.waitForTimeout(500);
  await page.getByRole('button', { name: 'Stop' }).click();
  await plays(page, '.recorder audio');
  await page.getByLabel('Name').fill('Me');
  await page.getByLabel('This is my own voice').check();
  await page.getByRole('button', { name: 'Clone the voice' }).click();
  await expect(page.locator('#made')).toContainText('The voice Me is made.');
  await expect(page.getByRole('button', { name: 'Record', exact: true })).toBeVisible();
  await open(page, VOICES);
  await expect(page.getByText('1 sample from the microphone')).toBeVisible();
});

test('without a microphone, or the permission, files are left', async ({ page }) => {
  await page.addInitScript(() => {
    let name = 'NotAllowedError';
    navigator.mediaDevices.getUserMedia = () => {
      const refused = new DOMException('no', name);
      name = 'NotFoundError';
      return Promise.reject(refused);
    };
  });
  await open(page, NEW);
  await page.getByRole('button', { name: 'Record' }).click();
  await expect(page.getByText('The microphone is not allowed.')).toBeVisible();
  await expectSound(page);
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('No microphone was found.')).toBeVisible();
});

test('only the page that records may use the microphone', async ({ page }) => {
  const policy = async (path: string) => (await page.request.get(path)).headers()['permissions-policy'];
  expect(await policy(NEW)).toContain('microphone=(self)');
  expect(await policy(VOICES)).toContain('microphone=()');
});
