import { expect, type Locator, type Page } from '@playwright/test';

/** The address of the page with all keys. */
export const KEYS = '/settings/api-keys';
/** The address of the Data Scraper. */
export const SCRAPER = '/services/data-scraper';

/** The address of Calling Operations. */
export const CALLING = '/services/calling';

/** The card of a provider. */
export class Card {
  readonly root: Locator;
  /** The state in icon and words. */
  readonly state: Locator;
  /** Why the last attempt failed. */
  readonly refusal: Locator;
  readonly checkNow: Locator;
  readonly add: Locator;
  readonly replace: Locator;
  readonly delete: Locator;

  constructor(
    private readonly page: Page,
    private readonly provider: string,
  ) {
    this.root = page.locator(`#card-${provider}`);
    this.state = this.root.locator('.card-state .pill');
    this.refusal = this.root.locator('.key-form .notice');
    this.checkNow = this.root.getByRole('button', { name: 'Check now' });
    this.add = this.root.getByRole('link', { name: /^Add key/ });
    this.replace = this.root.getByRole('link', { name: /^Replace/ });
    this.delete = this.root.getByRole('link', { name: /^Delete/ });
  }

  /** The input of one field. */
  field(name: string): Locator {
    return this.page.locator(`#${this.provider}-${name}`);
  }

  /** The button that sends the form. */
  get send(): Locator {
    return this.root.locator('.key-form button[type=submit]');
  }

  /** Fills in the open form and sends it. */
  async give(fields: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) await this.field(name).fill(value);
    await this.send.click();
  }
}

/** Fills in the search form, `limit` being a number of whole pages' results, and starts the search. */
export async function search(page: Page, query: string, place: string, limit = 20): Promise<void> {
  await page.getByLabel('What', { exact: true }).fill(query);
  await page.getByLabel('Where', { exact: true }).fill(place);
  await page.getByLabel('How many').selectOption(String(limit));
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.waitForURL(`**${SCRAPER}/searches/*`);
}

/** Searches the web, without a place, and starts the search. */
export async function searchWeb(page: Page, query: string, limit = 20): Promise<void> {
  await page.getByRole('radio', { name: 'The web' }).check();
  await page.getByLabel('What', { exact: true }).fill(query);
  await page.getByLabel('How many').selectOption(String(limit));
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.waitForURL(`**${SCRAPER}/searches/*`);
}

/** The state of the search on its page. */
export function searchState(page: Page): Locator {
  return page.locator('.search-head .pill');
}

/** The cells of a column of the results, in the order of the rows. */
export async function column(page: Page, heading: string): Promise<string[]> {
  const headings = await page.locator('table.results thead th').allInnerTexts();
  const place = headings.findIndex((text) => text.startsWith(heading));
  expect(place, `column ${heading}`).toBeGreaterThanOrEqual(0);
  return page.locator(`table.results tbody tr > :nth-child(${place + 1})`).allInnerTexts();
}

/** Fills in the form of a call, `country` being its two letters, and places it. */
export async function placeCall(page: Page, to: string, message: string, country = ''): Promise<void> {
  await page.getByLabel('Call', { exact: true }).fill(to);
  await page.getByLabel('Country').selectOption(country);
  await page.getByLabel('Message', { exact: true }).fill(message);
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await page.waitForURL(`**${CALLING}/calls/*`);
}

/** The state of the call on its page. */
export function callState(page: Page): Locator {
  return page.locator('.search-head .pill');
}
