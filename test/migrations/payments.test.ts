import { expect, it, onTestFinished } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { migrateDown, migrateUp } from '../../src/migrations/runner.ts';
import { expectApplied, expectBalanced, funds, openBooks } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';

/** Books whose fills were each rounded down on their own, as they were before the migration `payments`. */
async function booksOfBefore(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pincex = await openBooks(database.url);
  const order = { symbol: 'BTC/USD', type: 'limit', price: '10.01' } as const;
  await pincex.bookkeeper.batchDeposit([
    { id: 'd', userId: 'ann', currency: 'USD', amount: '100' },
    { id: 'd', userId: 'bob', currency: 'BTC', amount: '10' },
  ]);
  expectApplied(
    await pincex.trading.batchPlaceOrders([
      { ...order, id: 'o', userId: 'ann', side: 'buy', quantity: '1' },
      { ...order, id: 'o', userId: 'bob', side: 'sell', quantity: '1' },
    ]),
  );
  expectApplied(await pincex.trading.batchSettleTrades([trade('t1', '0.33333333')]));
  await pincex.close();
  await withClient(database.url, async (client) => {
    const dropData = new URL(database.url).pathname.slice(1);
    while ((await migrateDown(client, { dropData })).every(({ name }) => name !== 'payments'));
    // The fill was paid 3.33 with 6.68 still held; today it is 3.34 and 6.67.
    await client.query(
      `UPDATE trades SET quote_amount = 3.33;
       UPDATE holds SET amount = 6.68 WHERE user_id = 'ann';
       UPDATE accounts SET locked = 6.68 WHERE user_id = 'ann' AND currency = 'USD';
       UPDATE accounts SET available = 3.33 WHERE user_id = 'bob' AND currency = 'USD';
       UPDATE journal SET locked = 6.68, locked_delta = -3.33 WHERE user_id = 'ann' AND currency = 'USD' AND version = 3;
       UPDATE journal SET available = 3.33, available_delta = 3.33 WHERE user_id = 'bob' AND currency = 'USD'`,
    );
  });
  return database.url;
}

const trade = (id: string, quantity: string) => ({
  id,
  symbol: 'BTC/USD',
  price: '10.01',
  quantity,
  buyUserId: 'ann',
  buyOrderId: 'o',
  sellUserId: 'bob',
  sellOrderId: 'o',
  takerSide: 'buy' as const,
});

it('orders that were filled in part before the migration payments pass the audit and can be filled to their end', async () => {
  const url = await booksOfBefore();
  await withClient(url, (client) => migrateUp(client));
  const pincex = await openBooks(url);
  onTestFinished(() => pincex.close());
  await expectBalanced(pincex);
  expectApplied(await pincex.trading.batchSettleTrades([trade('t2', '0.33333333')]));
  await expectBalanced(pincex);
  // The payment grows from 3.336… to 6.673…, and the surplus of the hold becomes available.
  expect(await funds(pincex, 'ann', 'USD')).toBe('90 / 3.33');
  expectApplied(await pincex.trading.batchSettleTrades([trade('t3', '0.33333334')]));
  await expectBalanced(pincex);
  expect(await funds(pincex, 'ann', 'USD')).toBe('90 / 0');
  expect(await funds(pincex, 'bob', 'USD')).toBe('10 / 0');
});

it('the audit reports an order from before the migration payments that paid too little for its fills', async () => {
  const url = await booksOfBefore();
  await withClient(url, async (client) => {
    await migrateUp(client);
    await client.query(`UPDATE trades SET quote_amount = 3.32 WHERE side = 'buy'`);
  });
  const pincex = await openBooks(url);
  onTestFinished(() => pincex.close());
  const { findings } = await pincex.audit();
  expect(findings).toMatchObject([
    {
      check: 'fills_are_paid',
      subject: 'order ann o',
      problem: expect.stringContaining('paid 3.32') as string,
    },
    { check: 'what_moved_is_told', subject: 'journal ann USD' },
  ]);
});

it('a market has no least value after the migration payments was taken back, and has one again once it is applied', async () => {
  const url = await booksOfBefore();
  const least = () =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ min_notional: string }>(
        `SELECT min_notional FROM markets WHERE symbol = 'BTC/USD'`,
      );
      return rows;
    });
  await expect(least()).rejects.toThrow('min_notional');
  await withClient(url, (client) => migrateUp(client));
  expect(await least()).toEqual([{ min_notional: '1' }]);
});
