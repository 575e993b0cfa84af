import { expect, open, register, store, test } from '../fixtures';
import { Card, KEYS } from '../pages';

test('how often a key is checked is chosen on its card, and stays', async ({ page, server, simulator }) => {
  await register(page);
  await store(page, server, 'serpapi', await simulator.key('serpapi', 'plenty'));
  await open(page, KEYS);
  const { root } = new Card(page, 'serpapi');
  await root.getByText('Checked every 6 hours').click();
  const every = root.getByLabel('Check every');
  await expect(every.locator('option')).toHaveText(['hour', '6 hours', 'day', 'week']);
  await every.selectOption('day');
  const save = root.getByRole('button', { name: 'Save how often the SerpAPI key is checked' });
  await save.click();
  // The form stays open, and the focus where it was.
  await expect(root.getByText('Checked every day')).toBeVisible();
  await expect(save).toBeFocused();
  await expect(page.getByRole('status').filter({ hasText: 'SerpAPI: checked every day.' })).toBeAttached();
  await open(page, KEYS);
  await root.getByText('Checked every day').click();
  await expect(every).toHaveValue('day');
});
