import type { Page } from 'playwright-core';
import { PincexClient } from '../../src/client/index.ts';
import type { Pages } from '../support/chromium.ts';
import type { TestService } from '../http/support.ts';

export const themes = { light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' } } as const;
export const phone = { viewport: { width: 375, height: 760 } } as const;

/** Opens the page of a service and signs in. */
export async function signedIn(
  pages: Pages,
  { url, key }: Pick<TestService, 'url' | 'key'>,
  options: Parameters<Pages['open']>[1] & { readonly at?: string } = {},
): Promise<Page> {
  const { at = '#/', ...rest } = options;
  const page = await pages.open(`${url}/${at}`, rest);
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  return page;
}

export const clientOf = ({ url, key }: Pick<TestService, 'url' | 'key'>): PincexClient =>
  new PincexClient({ url, key });

/** The figure of a tile of the live view, such as that of `Items a second`. */
export const tile = (page: Page, title: string): Promise<string> =>
  page.locator('.tile', { hasText: title }).locator('.figure').innerText();

/** The rows of a table by its caption, each cell as its text. */
export async function rowsOf(page: Page, caption: string): Promise<string[][]> {
  const rows = await page.getByRole('region', { name: caption }).locator('tbody tr').all();
  const cells = await Promise.all(rows.map((row) => row.locator('td').allTextContents()));
  return cells.map((row) => row.map((text) => text.trim()));
}
