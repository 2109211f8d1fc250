import { describe, expect, it } from 'vitest';
import { accountId, ownedId, type Account, type OrderRow } from '../../src/books/rows.ts';
import type { LoadedBooks } from '../../src/books/books.ts';
import { RowKeys } from '../../src/commands/rowKeys.ts';
import { Contention } from '../../src/engine/attempts/contention.ts';

const USD = { code: 'USD', scale: 2 };

/** The keys of an account and an order of this user. */
function keysOf(userId: string): RowKeys {
  const keys = new RowKeys();
  keys.accounts.add(accountId(userId, USD));
  keys.orders.add(ownedId(userId, 'o'));
  return keys;
}

/** Books in which these are the versions of the user's account and order. */
function booksOf(userId: string, account: number, order: number): LoadedBooks {
  const [accountKey, orderKey] = [accountId(userId, USD), ownedId(userId, 'o')];
  return {
    accounts: new Map([[accountKey.key, { ...accountKey, version: account } as Account]]),
    orders: new Map([[orderKey.key, { ...orderKey, version: order } as OrderRow]]),
    holds: new Map(),
    operations: new Map(),
  };
}

describe('the expectation of a collision', () => {
  it.each([
    ['an account', booksOf('ann', 1, 1), booksOf('ann', 2, 1)],
    ['an order', booksOf('ann', 1, 1), booksOf('ann', 1, 2)],
  ])('a collision is expected where another batch has just changed %s', (_, before, after) => {
    const contention = new Contention();
    expect(contention.expects(keysOf('ann'))).toBe(false);
    contention.learn(keysOf('ann'), before, after);
    expect(contention.expects(keysOf('ann'))).toBe(true);
    expect(contention.expects(keysOf('bob'))).toBe(false);
  });

  it('no collision is expected where no version has changed', () => {
    const contention = new Contention();
    contention.learn(keysOf('ann'), booksOf('ann', 1, 1), booksOf('ann', 1, 1));
    expect(contention.expects(keysOf('ann'))).toBe(false);
  });
});
