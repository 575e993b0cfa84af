import { expect, expectAccessible, open, register, store, test } from '../fixtures';
import { Card, KEYS, SCRAPER, search, searchState } from '../pages';
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

test('the pages of visitors', async ({ page, complaints }) => {
  complaints.allow(/status of (404|422) /);
  for (const path of ['/', '/login', '/nowhere']) {
    await open(page, path);
    await expectSound(page);
  }
  await open(page, '/register');
  await page.getByText('I have an invitation').click();
  await page.getByLabel('E-mail address').fill('nobody');
  await page.getByLabel('E-mail address').evaluate((input: HTMLInputElement) => (input.type = 'text'));
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByText('The password is too short.')).toBeVisible();
  await expectSound(page);
});

test('the page about the API', async ({ page }) => {
  await page.goto('/login');
  await page.getByRole('link', { name: 'API', exact: true }).click();
  await expect(page).toHaveURL(/\/docs\/api$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('API');
  await expectSound(page);
  await page.getByRole('link', { name: 'Store a key' }).click();
  await expect(page.getByRole('heading', { name: 'Store a key' })).toBeInViewport();
  await page.goto('/problems/key-exists');
  await expect(page).toHaveURL(/\/docs\/api#problem-key-exists$/);
  await expect(page.getByRole('heading', { name: 'key-exists' })).toBeInViewport();
});

test('the pages of a newcomer', async ({ page }) => {
  await register(page);
  for (const path of [
    '/',
    '/settings/account',
    KEYS,
    SCRAPER,
    '/services/ai-calling',
    '/services/voice-cloning',
    '/services/calling',
    '/analytics',
    '/notifications',
    '/settings/notifications',
  ]) {
    await open(page, path);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expectSound(page);
  }
});

test('cards in good and bad states, with forms and a dialog open', async ({ page, server, simulator, complaints }) => {
  complaints.allow(/status of 422 .*\/api\/rpc\/replace_key/);
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await store(page, server, 'twilio', await simulator.key('twilio', 'api_key'));
  await open(page, KEYS);
  const serpapi = new Card(page, 'serpapi');
  const twilio = new Card(page, 'twilio');
  await expect(serpapi.state).toHaveText('Valid');
  await expect(twilio.state).toHaveText('Limited');
  await serpapi.replace.click();
  await serpapi.give(await simulator.key('serpapi', 'invalid'));
  await expect(serpapi.refusal).toBeVisible();
  await twilio.replace.click();
  await twilio.field('auth_token').fill('unusual');
  await expectSound(page);

  await serpapi.root.getByRole('link', { name: 'Cancel' }).click();
  await twilio.root.getByRole('link', { name: 'Cancel' }).click();
  await simulator.change('serpapi', 'plenty', { situation: 'exhausted' });
  await serpapi.checkNow.click();
  await expect(serpapi.state).toHaveText('No searches left');
  await simulator.change('twilio', 'api_key', { situation: 'invalid' });
  await twilio.checkNow.click();
  await expect(twilio.state).toHaveText('Not accepted');
  await expectSound(page);
  await open(page, '/');
  await expectSound(page);

  await open(page, `${KEYS}?service=calling&next=/services/calling`);
  await twilio.delete.click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await expectSound(page);
  await open(page, `${KEYS}?delete=serpapi`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Delete the API key for SerpAPI?');
  await expectSound(page);
});

test('unverified and suspended cards', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'down'));
  await store(page, server, 'twilio', await simulator.key('twilio', 'full'));
  await simulator.change('twilio', 'full', { situation: 'suspended' });
  await open(page, KEYS);
  const twilio = new Card(page, 'twilio');
  await twilio.checkNow.click();
  await expect(twilio.state).toHaveText('Suspended');
  await expectSound(page);
  await page.locator('.account-button').click();
  await expect(page.locator('#account-menu')).toBeVisible();
  await expectSound(page);
});

test('searches', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, SCRAPER);
  await search(page, 'odd bakery fail on page 2', 'Atlantis', 40);
  await expect(searchState(page)).not.toHaveText('Running');
  await expectSound(page);
  await page.getByRole('link', { name: 'Change this one' }).click();
  await expect(page.getByLabel('Where', { exact: true })).toHaveValue('Atlantis');
  await expectSound(page);
  await search(page, 'odd bakery', 'Berlin', 40);
  await expect(searchState(page)).toHaveText('Finished');
  await page.locator('summary', { hasText: 'Delete' }).click();
  await expectSound(page);
  await open(page, SCRAPER);
  await expect(page.getByRole('link', { name: 'odd bakery, Berlin' }).first()).toBeVisible();
  await expectSound(page);
});

test('the layout for narrow windows', async ({ page, server, simulator }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  for (const path of [KEYS, SCRAPER]) {
    await open(page, path);
    await expectAccessible(page);
  }
  await search(page, 'odd few', 'Berlin');
  await expect(searchState(page)).toHaveText('Finished');
  await expectAccessible(page);
});

test('a key is added by keyboard alone', async ({ page, simulator }) => {
  await register(page);
  await open(page, KEYS);
  const serpapi = new Card(page, 'serpapi');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await expectFocusVisible(page);
  await page.keyboard.press('Enter');
  await expect(page.locator('#main')).toBeFocused();
  await tabTo(page, '#open-serpapi');
  await expectFocusVisible(page);
  await page.keyboard.press('Enter');
  await expect(serpapi.field('api_key')).toBeFocused();
  await expectFocusVisible(page);
  const { api_key } = await simulator.key('serpapi', 'plenty');
  await page.keyboard.insertText(api_key ?? '');
  await page.keyboard.press('Enter');
  await expect(serpapi.state).toHaveText('Valid');
  // A heading, which is no control, takes the focus.
  await expect(page.locator('#key-serpapi')).toBeFocused();
});

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    if (await page.locator(`${selector}:focus`).count()) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${selector} is not reached with the Tab key`);
}

/** Expects that whatever has the focus is marked by an outline. */
async function expectFocusVisible(page: Page): Promise<void> {
  const outline = await page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement ?? document.body);
    return { outlineStyle, width: Number.parseFloat(outlineWidth) };
  });
  expect(outline.outlineStyle).not.toBe('none');
  expect(outline.width).toBeGreaterThanOrEqual(2);
}
