import { expect, expectAccessible, open, test } from '../fixtures';

// As browsers ask for it, compressed.
test.use({ extraHTTPHeaders: {} });

test('the start page comes alive without a complaint and is accessible', async ({ page }) => {
  const wasm = page.waitForResponse(/\/pkg\/[^/]+\.wasm$/);
  await open(page, '/');
  expect((await wasm).ok()).toBe(true);
  expect((await wasm).headers()['content-encoding']).toBeTruthy();
  await expect(page).toHaveTitle(/Keyward/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Your keys, your accounts, your bills');
  await expect(page.locator('.steps li strong')).toHaveText(['Bring a key', 'It is sealed', 'Services open']);
  await expect(page.locator('main .service-row strong')).toHaveText([
    'Data Scraper',
    'AI Calling Agent',
    'Voice Cloning',
    'Calling Operations',
    'Analytics',
  ]);
  await expect(page.locator('main .service-row').first()).toContainText('Needs your own access to SerpAPI.');
  await expectAccessible(page);
});
