import { expect, expectAccessible, open, test } from '../fixtures';

// As browsers ask for it, compressed.
test.use({ extraHTTPHeaders: {} });

test('the start page comes alive without a complaint and is accessible', async ({ page }) => {
  const wasm = page.waitForResponse(/\/pkg\/[^/]+\.wasm$/);
  await open(page, '/');
  expect((await wasm).ok()).toBe(true);
  expect((await wasm).headers()['content-encoding']).toBeTruthy();
  await expect(page).toHaveTitle(/Keyward/);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expectAccessible(page);
});
