import { expect, expectAccessible, open, register, store, test } from '../fixtures';
import { Card, KEYS } from '../pages';
import type { Locator, Page } from '@playwright/test';

/** The part of a card's details that is about one service. */
function forService(card: Card, name: string): Locator {
  return card.root.locator('.abilities').filter({ has: card.root.page().getByRole('heading', { name, exact: false }) });
}

async function openDetails(card: Card): Promise<void> {
  await card.root.getByText('Details', { exact: true }).click();
}

test.beforeEach(({ page }) => register(page));

test('a card says what each service can do with the key, and where to change it', async ({ page, server, simulator }) => {
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'free_plan'));
  await open(page, KEYS);
  const card = new Card(page, 'elevenlabs');
  await expect(card.state).toHaveText('Limited');
  await expect(card.root.locator('.key-advice')).toContainText('Cloning voices needs the Starter plan or higher');
  await expect(card.root.locator('.abilities').first()).toBeHidden();
  // By keyboard as well.
  await card.root.locator('summary', { hasText: 'Details' }).focus();
  await page.keyboard.press('Enter');
  const cloning = forService(card, 'Voice Cloning');
  await expect(cloning.getByRole('heading', { level: 4 })).toContainText('not with this key');
  await expect(cloning.getByRole('listitem')).toContainText('Clone voices from recordings: No');
  await expect(cloning).toContainText('Cloning voices needs the Starter plan or higher; this account has Free.');
  const plans = cloning.getByRole('link', { name: 'Plans at ElevenLabs' });
  await expect(plans).toHaveAttribute('href', 'https://elevenlabs.io/app/subscription');
  await expect(plans).toHaveAttribute('rel', /noopener/);
  const calling = forService(card, 'AI Calling Agent');
  await expect(calling).toContainText('Speak: Yes');
  await expect(calling).toContainText('8,796 of 10,000 characters left.');

  // What a check finds shows at once.
  await simulator.change('elevenlabs', 'free_plan', { situation: 'plenty' });
  await card.checkNow.click();
  await expect(card.state).toHaveText('Valid');
  await expect(forService(card, 'Voice Cloning').locator('li')).toContainText('Yes');
});

test('the details tell what the last check rests on', async ({ page, server, simulator }) => {
  await store(page, server, 'openai', await simulator.key('openai', 'plenty'));
  await open(page, KEYS);
  const card = new Card(page, 'openai');
  await openDetails(card);
  const evidence = card.root.locator('details .key-facts');
  await expect(evidence).toContainText('HTTP status 200');
  await expect(evidence).toContainText(/Took \d+ ms/);
  await expect(evidence).not.toContainText('Provider’s code');
  await simulator.change('openai', 'plenty', { situation: 'invalid' });
  await card.checkNow.click();
  await expect(card.state).toHaveText('Not accepted');
  await expect(evidence).toContainText('HTTP status 401');
  await expect(evidence).toContainText('Provider’s code invalid_api_key');
  await expect(evidence).toContainText(/Took \d+ ms/);
});

test('the guidance leads to the key page and to the documentation', async ({ page }) => {
  await open(page, `${KEYS}?edit=openai`);
  const card = new Card(page, 'openai');
  const keys = card.root.getByRole('link', { name: 'Open the key page at OpenAI' });
  await expect(keys).toHaveAttribute('href', 'https://platform.openai.com/api-keys');
  const documentation = card.root.getByRole('link', { name: 'How OpenAI describes it' });
  await expect(documentation).toHaveAttribute('href', 'https://platform.openai.com/docs/api-reference/authentication');
  await expect(documentation).toHaveAttribute('rel', /noopener/);
});

test('what is not known says why', async ({ page, server, simulator }) => {
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'nothing_readable'));
  await open(page, KEYS);
  const card = new Card(page, 'elevenlabs');
  await openDetails(card);
  const cloning = forService(card, 'Voice Cloning');
  await expect(cloning).toContainText('Clone voices from recordings: Not known');
  await expect(cloning).toContainText('The key may not read the plan, so whether it may clone is not known.');
});

test('an open service says what it cannot do with this key', async ({ page, server, simulator }) => {
  await store(page, server, 'twilio', await simulator.key('twilio', 'api_key'));
  const sentence = 'This Twilio key cannot receive signed reports of calls.';
  await open(page, '/services/calling');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Calling Operations');
  await expect(page.locator('.guard-limit')).toContainText(`${sentence} Reports of calls are signed with the auth token`);
  await expectAccessible(page);
  await open(page, KEYS);
  await expect(page.locator('aside .service-row', { hasText: 'Calling Operations' })).toContainText(sentence);
  await open(page, '/services/ai-calling');
  await expect(page.locator('.guard-limit')).toHaveCount(0);
});

test('a key given in place tells at once what the open service cannot do', async ({ page, simulator }) => {
  await open(page, '/services/calling');
  const card = new Card(page, 'twilio');
  await card.root.getByRole('link', { name: 'API key', exact: true }).click();
  await card.give(await simulator.key('twilio', 'api_key'));
  await expect(page.locator('.guard-limit')).toContainText('cannot receive signed reports of calls');
});

test('the details fit narrow windows, in both schemes', async ({ page, server, simulator }) => {
  await store(page, server, 'twilio', await simulator.key('twilio', 'no_voice_number'));
  await store(page, server, 'elevenlabs', await simulator.key('elevenlabs', 'restricted'));
  await page.setViewportSize({ width: 390, height: 800 });
  await open(page, KEYS);
  for (const provider of ['twilio', 'elevenlabs']) await openDetails(new Card(page, provider));
  await expect(new Card(page, 'twilio').root.getByRole('link', { name: 'Numbers at Twilio' }).first()).toBeVisible();
  await expectAccessible(page);
  expect(await tooWide(page)).toBeLessThanOrEqual(0);
});

function tooWide(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
