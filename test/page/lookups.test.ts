import { beforeAll, expect, it } from 'vitest';
import { parse } from 'csv-parse/sync';
import { readFileSync } from 'node:fs';
import { expectApplied, newUser, useBooks } from '../support/books.ts';
import { describeInChromium, keepPicture, seriousProblems, usePages } from '../support/chromium.ts';
import { useService } from '../http/support.ts';
import { phone, rowsOf, signedIn, themes } from './support.ts';

const books = useBooks();

describeInChromium('the look-ups of the page', () => {
  const service = useService(books);
  const pages = usePages();
  let userId: string;
  let other: string;

  beforeAll(async () => {
    const { trading, bookkeeper } = books.pincex;
    userId = await newUser(books.pincex, { USD: '1234567.89', BTC: '1' });
    other = await newUser(books.pincex, { BTC: '10' });
    const limit = { symbol: 'BTC/USD', type: 'limit', price: '10' } as const;
    expectApplied(
      await trading.batchPlaceOrders([
        { id: 'bid-1', userId, side: 'buy', ...limit, quantity: '2' },
        { id: 'ask-1', userId: other, side: 'sell', ...limit, quantity: '1' },
        { id: 'bid-2', userId, side: 'buy', ...limit, quantity: '0.5' },
      ]),
    );
    const trade = { symbol: 'BTC/USD', price: '10', quantity: '1', takerSide: 'sell' } as const;
    const sides = { buyUserId: userId, buyOrderId: 'bid-1', sellUserId: other, sellOrderId: 'ask-1' };
    expectApplied(await trading.batchSettleTrades([{ id: 'trade-1', ...trade, ...sides }]));
    const spent = Array.from({ length: 120 }, (_, n) => ({
      id: `w${n}`,
      userId,
      currency: 'USD',
      amount: '1',
    }));
    expectApplied(await bookkeeper.batchWithdraw(spent));
  });

  it('a look-up leads from a user to an order, to its trades and to the batch', async () => {
    const page = await signedIn(pages, service, themes.light);
    await page.keyboard.press('/');
    await page.keyboard.type(userId);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: `User ${userId}` }).click();
    await page.getByRole('heading', { name: 'Balances' }).waitFor();
    await expect.poll(() => rowsOf(page, 'Balances')).toHaveLength(2);
    const [, usd] = await rowsOf(page, 'Balances');
    expect(usd?.slice(0, 4)).toEqual(['USD', '1234422.89', '15', '1234437.89']);
    expect((await rowsOf(page, 'Holds')).map((row) => row.slice(0, 2))).toEqual([
      ['bid-2', '5 USD'],
      ['bid-1', '10 USD'],
    ]);
    await keepPicture(page, 'user-light');
    await page.getByRole('region', { name: 'Holds' }).getByRole('link', { name: 'bid-1' }).click();
    await page.getByText('partially filled').waitFor();
    await page.getByRole('region', { name: 'Trades' }).getByRole('link', { name: 'trade-1' }).click();
    await page.getByRole('heading', { name: 'Settled by' }).waitFor();
    const sides = await rowsOf(page, 'Sides');
    expect(sides.map(([user]) => user).sort()).toEqual([userId, other].sort());
    await page.locator('.panel', { hasText: 'Settled by' }).getByRole('link').first().click();
    await expect.poll(() => rowsOf(page, 'Applied items')).toHaveLength(2);
    await keepPicture(page, 'batch-light');
  });

  it('pages of a statement go on at both ends, and a link keeps the page', async () => {
    const page = await signedIn(pages, service, { ...themes.dark, at: `#/user/${userId}/account/USD` });
    const entries = async (): Promise<string[]> =>
      (await rowsOf(page, 'Statement in USD')).map(([, version = '']) => version);
    await expect.poll(entries).toHaveLength(50);
    const first = await entries();
    await page.getByRole('button', { name: 'Older' }).click();
    await expect.poll(async () => (await entries())[0]).toBe(String(Number(first.at(-1)) - 1));
    const second = await entries();
    const link = page.url();
    await page.getByRole('button', { name: 'Older' }).click();
    await expect.poll(entries).toHaveLength(Number(first[0]) - 100);
    expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Newer' }).click();
    await expect.poll(entries).toEqual(second);
    await page.getByRole('button', { name: 'Newer' }).click();
    await expect.poll(entries).toEqual(first);
    await page.goto(link);
    await expect.poll(entries).toEqual(second);
    await keepPicture(page, 'statement-dark');
  });

  it('a list is saved as CSV', async () => {
    const page = await signedIn(pages, service, { at: `#/user/${userId}/transactions` });
    await expect.poll(() => rowsOf(page, 'Transactions')).toHaveLength(50);
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV' }).click();
    const file = await (await saving).path();
    const rows = parse<Record<string, string>>(readFileSync(file), { columns: true });
    expect(rows).toHaveLength(122);
    expect(rows[0]).toMatchObject({ userId, currency: 'USD', amount: '1' });
  });

  it('hostile ids are text and nothing else, in every place', async () => {
    const hostile = [
      '"><img src=x onerror=alert(1)>',
      "'; DROP TABLE orders; --",
      '%2e%2e/🧡#?&',
      'a\u202eb',
    ];
    for (const [n, id] of hostile.entries()) {
      const order = { symbol: 'BTC/USD', side: 'sell', type: 'limit', price: '20', quantity: '0.1' } as const;
      const isOdd = id.includes('\u202e');
      const owner = isOdd ? `odd-${n}` : id;
      await books.pincex.bookkeeper.batchDeposit([
        { id: `d${n}`, userId: owner, currency: 'BTC', amount: '1' },
      ]);
      expectApplied(
        await books.pincex.trading.batchPlaceOrders([
          { ...order, id: isOdd ? `o-${n}` : id, userId: owner, reason: id.replace('\u202e', '') },
        ]),
      );
      const page = await signedIn(pages, service, { at: `#/user/${encodeURIComponent(owner)}` });
      await expect.poll(() => rowsOf(page, 'Orders')).toHaveLength(1);
      expect((await page.getByRole('heading', { level: 1 }).textContent())?.trim()).toBe(`User ${owner}`);
      await page.getByRole('region', { name: 'Orders' }).locator('tbody a').first().click();
      await page.getByRole('heading', { name: 'Terms' }).waitFor();
      await page.getByRole('search').getByRole('searchbox').fill(id);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Found for' }).waitFor();
      expect(await page.locator('img, script:not([src])').count()).toBe(0);
    }
  });

  it('balances are shown as they were at a time, and totals add up', async () => {
    const before = (await books.pincex.lookup.listEntries(userId, 'USD')).rows.at(-1)?.createdAt ?? '';
    const at = `${before.slice(0, 19)}Z`;
    const page = await signedIn(pages, service, { at: `#/user/${userId}?at=${encodeURIComponent(at)}` });
    await page.getByRole('heading', { name: 'Balances as of a time' }).waitFor();
    await page.goto(`${service.url}/#/totals`);
    await expect.poll(async () => (await rowsOf(page, 'All accounts')).length).toBeGreaterThan(1);
    const [, usd] = (await rowsOf(page, 'All accounts')).sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
    expect(usd?.[5]).toBe(`-${usd?.[4] ?? ''}`);
  });

  it.each([
    ['light', themes.light],
    ['dark', themes.dark],
    ['phone', { ...phone, ...themes.dark }],
  ])('axe finds nothing serious in the look-ups, %s', async (name, options) => {
    const page = await signedIn(pages, service, { ...options, at: `#/user/${userId}` });
    await expect.poll(() => rowsOf(page, 'Transactions')).toHaveLength(10);
    expect(await seriousProblems(page)).toEqual([]);
    await keepPicture(page, `user-${name}`);
    for (const at of [`#/order/${userId}/bid-1`, '#/trade/trade-1', '#/totals']) {
      await page.goto(`${service.url}/${at}`);
      await page.getByRole('region').first().waitFor();
      expect(await seriousProblems(page)).toEqual([]);
    }
    // A page that is wider than the screen would scroll sideways as a whole.
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });
});
