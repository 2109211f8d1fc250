import { beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../src/database/database.ts';
import { accounts } from '../../src/repository/kinds.ts';
import { ProcessCache } from '../../src/repository/cache/processCache.ts';
import { Repository } from '../../src/repository/repository.ts';
import { fresh, newUser, useBooks } from '../support/books.ts';
import { gate, until } from '../support/waiting.ts';

const statements: string[] = [];
const books = useBooks({ onStatement: ({ name }) => statements.push(name) });

async function newUsers(count: number): Promise<string[]> {
  const userIds = Array.from({ length: count }, () => fresh('user'));
  await books.pincex.bookkeeper.batchDeposit(
    userIds.map((userId) => ({ id: 'first', userId, currency: 'USD', amount: '5' })),
  );
  return userIds;
}

beforeEach(() => {
  statements.length = 0;
});

describe('single reads', () => {
  test('single reads that are made in a loop without waiting become one statement', async () => {
    const userIds = await newUsers(50);
    statements.length = 0;
    const calls = [];
    for (const userId of userIds) calls.push(books.pincex.bookkeeper.getAccount(userId, 'USD'));
    const accounts = await Promise.all(calls);
    expect(accounts.map((account) => account?.userId)).toEqual(userIds);
    expect(statements).toEqual(['get-accounts']);
  });

  test('single reads that come out of other promises in the same turn become one statement', async () => {
    const userIds = await newUsers(3);
    statements.length = 0;
    const resolver = async (userId: string, steps: number): Promise<string | undefined> => {
      for (let step = 0; step < steps; step++) await Promise.resolve();
      return (await books.pincex.bookkeeper.getAccount(userId, 'USD'))?.userId;
    };
    expect(await Promise.all(userIds.map(resolver))).toEqual(userIds);
    expect(statements).toEqual(['get-accounts']);
  });

  test("single reads of orders, of users' orders and of accounts make one statement each", async () => {
    const { pincex } = books;
    const userId = await newUser(pincex, { USD: '100' });
    const ids = [fresh('order'), fresh('order')];
    await pincex.trading.batchPlaceOrders(
      ids.map((id) => ({
        id,
        userId,
        symbol: 'BTC/USD',
        side: 'buy' as const,
        type: 'limit' as const,
        quantity: '0.01',
        price: '100.00',
      })),
    );
    statements.length = 0;
    const [first, second, lists, account] = await Promise.all([
      pincex.trading.getOrder(ids[0] ?? ''),
      pincex.trading.getOrder(ids[1] ?? ''),
      Promise.all([pincex.trading.getUserOrders(userId), pincex.trading.getUserOrders(fresh('nobody'))]),
      pincex.bookkeeper.getAccount(userId, 'USD'),
    ]);
    expect([first?.id, second?.id]).toEqual(ids);
    expect(lists.map((list) => list.length)).toEqual([2, 0]);
    expect(account).toMatchObject({ available: '98', locked: '2' });
    expect(statements.toSorted()).toEqual(['get-accounts', 'get-orders-by-ids', 'get-user-orders']);
  });

  test('single reads become several statements where they are more than one batch takes', async () => {
    const userIds = await newUsers(250);
    statements.length = 0;
    await Promise.all(userIds.map((userId) => books.pincex.bookkeeper.getAccount(userId, 'USD')));
    expect(statements).toEqual(['get-accounts', 'get-accounts', 'get-accounts']);
  });

  test('a thousand readers of one cold key make one statement for one key', async () => {
    const [userId = ''] = await newUsers(1);
    statements.length = 0;
    const { bookkeeper } = books.pincex;
    const readers = Array.from({ length: 1_000 }, (_, n) =>
      n % 2 === 0
        ? bookkeeper.getAccount(userId, 'USD')
        : bookkeeper.batchGetAccounts([userId], ['USD']).then(([account]) => account),
    );
    const accounts = await Promise.all(readers);
    expect(new Set(accounts.map((account) => account?.available))).toEqual(new Set(['5']));
    expect(statements).toEqual(['get-accounts']);
  });

  test('a missing row reads as null, and is found as soon as it exists', async () => {
    const nobody = fresh('nobody');
    const { bookkeeper, trading } = books.pincex;
    expect(await bookkeeper.getAccount(nobody, 'USD')).toBeNull();
    expect(await trading.getOrder(nobody)).toBeNull();
    await bookkeeper.deposit({ id: 'first', userId: nobody, currency: 'USD', amount: '1' });
    expect(await bookkeeper.getAccount(nobody, 'USD')).toMatchObject({ available: '1' });
  });

  test('a single read with a key that is no text fails alone', async () => {
    const [userId = ''] = await newUsers(1);
    const { bookkeeper } = books.pincex;
    const [good, bad, strange] = await Promise.allSettled([
      bookkeeper.getAccount(userId, 'USD'),
      bookkeeper.getAccount(17 as unknown as string, 'USD'),
      bookkeeper.getAccount('nul \0 in it', 'USD'),
    ]);
    expect(good).toMatchObject({ status: 'fulfilled', value: { available: '5' } });
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'invalid_argument' } });
    expect(strange).toEqual({ status: 'fulfilled', value: null });
  });

  test('a read that begins after a commit does not share a read that began before it', async () => {
    const [userId = ''] = await newUsers(1);
    const answers = gate();
    let asked = 0;
    const slow: Session = {
      async query() {
        asked++;
        await answers.opened;
        return [];
      },
    };
    const ttlMs = { accounts: 1_000, orders: 0, userOrders: 0, trades: 0 };
    const repository = new Repository({
      primary: slow,
      replica: null,
      cache: new ProcessCache(),
      ttlMs,
      ttl: 'fixed',
      batchSize: 100,
    });
    const key = { userId, currency: 'USD' };
    const readers: Promise<unknown>[] = [repository.get(accounts, key), repository.getMany(accounts, [key])];
    await until('the database to be asked', () => asked === 1);
    readers.push(repository.get(accounts, key));
    await repository.publish({ replaced: [], removed: [accounts.keyOf(key)] });
    readers.push(repository.get(accounts, key));
    await until('the database to be asked again', () => asked === 2);
    readers.push(repository.getMany(accounts, [key]));
    answers.open();
    await Promise.all(readers);
    expect(asked).toBe(2);
  });
});
