import { parse } from 'csv-parse/sync';
import { beforeAll, expect, it } from 'vitest';
import { expectApplied, newUser, useBooks } from '../support/books.ts';
import { pincexCli } from '../support/commandLine.ts';

const books = useBooks();

let user: string;
beforeAll(async () => {
  user = await newUser(books.pincex, { USD: '100' });
  const order = {
    userId: user,
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '1',
    price: '10',
  } as const;
  expectApplied(await books.pincex.trading.batchPlaceOrders([{ ...order, id: `${user}-o` }]));
});

const show = (...args: string[]) => pincexCli(['show', ...args], { env: { DATABASE_URL: books.url } });

it('show user answers what a user has, and why some of it is locked', async () => {
  const { stdout, exitCode } = await show('user', user);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/USD +90 +10 +100/);
  expect(stdout).toMatch(/locked for[^]*-o +USD +10 +true[^]*open/);
});

it('show user has the status of an order that a thousand newer ones follow', async () => {
  const userId = await newUser(books.pincex, { USD: '2000' });
  const order = { userId, symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '1', price: '1' } as const;
  const { trading } = books.pincex;
  expectApplied(await trading.batchPlaceOrders([{ ...order, id: 'zz-oldest' }]));
  expectApplied(
    await trading.batchPlaceOrders(Array.from({ length: 1_000 }, (_, n) => ({ ...order, id: `newer-${n}` }))),
  );
  const { holds } = JSON.parse((await show('user', userId, '--json')).stdout) as { holds: object[] };
  expect(holds).toHaveLength(100);
  const { stdout } = await show('user', userId);
  expect(stdout).toMatch(/zz-oldest[^\n]* open/);
});

it('show order leads to its batch, and show batch to its items', async () => {
  const { stdout } = await show('order', `${user}-o`, '--json');
  const { order, operation } = JSON.parse(stdout) as { order: object; operation: { batchId: string } };
  expect(order).toMatchObject({ userId: user, status: 'open' });
  const batch = JSON.parse((await show('batch', operation.batchId, '--json')).stdout) as {
    operations: object[];
  };
  expect(batch.operations).toMatchObject([{ id: `${user}-o`, type: 'placeOrder' }]);
});

it('show account prints CSV, and the cursor of the next page beside it', async () => {
  const { stdout, stderr } = await show('account', user, 'USD', '--csv', '--limit', '1');
  const rows = parse<Record<string, string>>(stdout, { columns: true });
  expect(rows).toMatchObject([{ version: '2', availableDelta: '-10', lockedDelta: '10' }]);
  const [, cursor = ''] = /older rows: --cursor (\S+)/.exec(stderr) ?? [];
  const next = await show('account', user, 'USD', '--csv', '--limit', '1', '--cursor', cursor);
  expect(parse<Record<string, string>>(next.stdout, { columns: true })).toMatchObject([{ version: '1' }]);
});

it('show refuses an id that nothing has, and a list that there is not', async () => {
  const nothing = await show('trade', 'nothing');
  expect([nothing.exitCode, nothing.stderr]).toEqual([
    1,
    expect.stringContaining('There is no trade "nothing"'),
  ]);
  const list = await show('user', user, '--list', 'payments');
  expect([list.exitCode, list.stderr]).toEqual([1, expect.stringContaining('one of orders, trades')]);
});
