import { expect, it, onTestFinished } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { migrateDown, migrateUp, migrationStatus } from '../../src/migrations/runner.ts';
import { expectApplied, expectBalanced, openBooks, outcomes } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';

const items = [
  { command: 'deposit', id: 'd', userId: 'ann', currency: 'USD', amount: '100' },
  { command: 'lockFunds', id: 'l', userId: 'ann', currency: 'USD', amount: '1', orderId: 'h' },
  {
    command: 'createOrder',
    id: 'o',
    userId: 'ann',
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '1',
    price: '10',
  },
  { command: 'updateOrderStatus', id: 's', userId: 'ann', orderId: 'o', status: 'cancelled' },
] as const;

async function filled(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pincex = await openBooks(database.url);
  expectApplied(await pincex.execute(items));
  await pincex.close();
  return database.url;
}

const keyOf = (url: string): Promise<unknown> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ key: string }>(
      `SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint WHERE conname = 'operations_pkey'`,
    );
    return rows[0]?.key;
  });

it('operations are still replayed after the migration kinds_of_ids was taken back and applied again', async () => {
  const url = await filled();
  await withClient(url, (client) =>
    migrateDown(client, { to: 12, dropData: new URL(url).pathname.slice(1) }),
  );
  expect(await keyOf(url)).toBe('PRIMARY KEY (user_id, id)');
  await withClient(url, (client) => migrateUp(client));
  expect(await keyOf(url)).toBe('PRIMARY KEY (user_id, kind, id)');
  const pincex = await openBooks(url);
  onTestFinished(() => pincex.close());
  expect(outcomes(await pincex.execute(items))).toEqual(items.map(() => 'replayed'));
  await expectBalanced(pincex);
});

it('if an id names things of two kinds, kinds_of_ids is not taken back, and no later migration is either', async () => {
  const url = await filled();
  const pincex = await openBooks(url);
  expectApplied(await pincex.execute([{ ...items[1], id: 'd', reason: 'kept' }]));
  await pincex.close();
  const before = await withClient(url, (client) => migrationStatus(client));
  const down = withClient(url, (client) =>
    migrateDown(client, { to: 12, dropData: new URL(url).pathname.slice(1) }),
  );
  await expect(down).rejects.toMatchObject({
    code: 'migration_failed',
    message: expect.stringMatching(
      /^Nothing was taken back: 013_kinds_of_ids\.down\.sql, line \d: id d of user ann names things of several kinds/,
    ) as string,
  });
  expect(await withClient(url, (client) => migrationStatus(client))).toEqual(before);
  expect(await keyOf(url)).toBe('PRIMARY KEY (user_id, kind, id)');
  const reasons = await withClient(url, (client) =>
    client.query(`SELECT reason FROM operations WHERE id = 'd' AND kind = 'funds'`),
  );
  expect(reasons.rows).toEqual([{ reason: 'kept' }]);
});
