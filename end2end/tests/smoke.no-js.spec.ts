import { expect, test } from '../fixtures';

test('the start page is complete without JavaScript', async ({ page }) => {
  await page.goto('/');
  await expect(page).toHaveTitle(/Keyward/);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});
