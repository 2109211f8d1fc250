import { describe, expect, it } from 'vitest';
import { FEES, OUTSIDE } from '../../src/index.ts';
import { expectApplied, fresh, funds, newUser, outcomes, useBooks } from '../support/books.ts';

const books = useBooks();

describe('money', () => {
  it('deposits and withdrawals are mirrored in the account of @outside, and a first deposit creates the account', async () => {
    const outside = async () => (await books.pincex.bookkeeper.getAccount(OUTSIDE, 'CHF'))?.available ?? '0';
    expect(await outside()).toBe('0');
    const userId = fresh('user');
    expect(await funds(books.pincex, userId, 'CHF')).toBe('none');
    const deposit = { id: 'd', userId, currency: 'CHF', amount: '10.5', reference: 'wire 7' };
    expect(await books.pincex.bookkeeper.deposit(deposit)).toEqual({
      index: 0,
      id: 'd',
      status: 'applied',
      data: { available: '10.5', locked: '0', version: 1 },
    });
    expect(await outside()).toBe('-10.5');
    expect(await books.pincex.bookkeeper.withdraw({ ...deposit, id: 'w', amount: '4' })).toMatchObject({
      data: { available: '6.5', locked: '0', version: 2 },
    });
    expect(await outside()).toBe('-6.5');
    const rows = await books.sql(
      'SELECT id, type, status, currency, amount, to_user_id, reference FROM transactions WHERE user_id = $1 ORDER BY id',
      [userId],
    );
    expect(rows).toEqual([
      {
        id: 'd',
        type: 'deposit',
        status: 'completed',
        currency: 'CHF',
        amount: '10.50',
        to_user_id: null,
        reference: 'wire 7',
      },
      {
        id: 'w',
        type: 'withdrawal',
        status: 'completed',
        currency: 'CHF',
        amount: '4.00',
        to_user_id: null,
        reference: 'wire 7',
      },
    ]);
  });

  it('a transfer moves money from one user to another, and to and from @fees', async () => {
    const ann = await newUser(books.pincex, { USD: '10' });
    const bob = fresh('bob');
    const transfer = { id: 't', userId: ann, toUserId: bob, currency: 'USD', amount: '4' };
    expect(await books.pincex.bookkeeper.transfer(transfer)).toMatchObject({ data: { available: '6' } });
    expect(await funds(books.pincex, bob, 'USD')).toBe('4 / 0');
    expect((await books.pincex.bookkeeper.transfer(transfer)).status).toBe('replayed');
    expectApplied(
      await books.pincex.bookkeeper.batchTransfer([
        { ...transfer, id: 'to', toUserId: FEES },
        { ...transfer, id: `back-${ann}`, userId: FEES, toUserId: bob, amount: '1' },
      ]),
    );
    expect(await funds(books.pincex, bob, 'USD')).toBe('5 / 0');
  });

  it('locked money can neither be withdrawn nor transferred nor locked again', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const own = { userId, currency: 'USD', amount: '3' };
    expectApplied(
      await books.pincex.bookkeeper.batchLockFunds([{ ...own, id: 'l', amount: '8', orderId: 'o' }]),
    );
    const batch = await books.pincex.execute([
      { command: 'withdraw', ...own, id: 'w' },
      { command: 'transfer', ...own, id: 't', toUserId: 'someone' },
      { command: 'lockFunds', ...own, id: 'l2', orderId: 'o2' },
    ]);
    expect(outcomes(batch)).toEqual(['insufficient_funds', 'insufficient_funds', 'insufficient_funds']);
  });
});

describe('a hold', () => {
  it('a hold grows with each lock for its order, shrinks with each unlock, and is gone when it is empty', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const own = { userId, currency: 'USD', orderId: 'o' };
    const hold = async () =>
      (await books.sql<{ amount: string }>('SELECT amount FROM holds WHERE user_id = $1', [userId])).map(
        ({ amount }) => amount,
      );
    expect(await books.pincex.bookkeeper.lockFunds({ ...own, id: 'l1', amount: '10' })).toMatchObject({
      data: { available: '90', locked: '10', version: 2 },
    });
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([{ ...own, id: 'l2', amount: '5' }]));
    expect(await hold()).toEqual(['15.00']);
    expect(await books.pincex.bookkeeper.unlockFunds({ ...own, id: 'u1', amount: '14.99' })).toMatchObject({
      data: { available: '99.99', locked: '0.01', version: 4 },
    });
    expect(await hold()).toEqual(['0.01']);
    expectApplied(await books.pincex.bookkeeper.batchUnlockFunds([{ ...own, id: 'u2', amount: '0.01' }]));
    expect(await hold()).toEqual([]);
    expect(
      outcomes(await books.pincex.bookkeeper.batchUnlockFunds([{ ...own, id: 'u3', amount: '0.01' }])),
    ).toEqual(['hold_not_found']);
    expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
  });

  it('a hold can be made, emptied and made again within one batch', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const own = { userId, currency: 'USD', orderId: 'o', amount: '10' };
    expectApplied(
      await books.pincex.execute([
        { command: 'lockFunds', ...own, id: '1' },
        { command: 'unlockFunds', ...own, id: '2' },
        { command: 'lockFunds', ...own, id: '3', amount: '7' },
      ]),
    );
    expectApplied(
      await books.pincex.execute([
        { command: 'unlockFunds', ...own, id: '4', amount: '7' },
        { command: 'lockFunds', ...own, id: '5', amount: '9' },
      ]),
    );
    expectApplied(
      await books.pincex.execute([
        { command: 'lockFunds', ...own, orderId: 'passing', id: '6' },
        { command: 'unlockFunds', ...own, orderId: 'passing', id: '7' },
      ]),
    );
    expect(await books.sql('SELECT order_id, amount FROM holds WHERE user_id = $1', [userId])).toEqual([
      { order_id: 'o', amount: '9.00' },
    ]);
    expect(await funds(books.pincex, userId, 'USD')).toBe('91 / 9');
  });

  it('a hold cannot be unlocked for another order, currency or user', async () => {
    const userId = await newUser(books.pincex, { USD: '100', EUR: '100' });
    const own = { userId, currency: 'USD', orderId: 'o', amount: '10' };
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([{ ...own, id: 'l' }]));
    const batch = await books.pincex.bookkeeper.batchUnlockFunds([
      { ...own, id: 'u1', orderId: 'other' },
      { ...own, id: 'u2', currency: 'EUR' },
      { ...own, id: 'u3', userId: 'someone' },
    ]);
    expect(outcomes(batch)).toEqual(['hold_not_found', 'hold_not_found', 'hold_not_found']);
  });
});

it('user ids that differ only in Unicode form, case or blanks name different users', async () => {
  const ids = ['\u00e9', 'e\u0301', 'a', 'A', 'a b', 'a  b', 'ß', 'ss'].map((text) => `same-${text}`);
  expectApplied(
    await books.pincex.bookkeeper.batchDeposit(
      ids.map((userId, i) => ({ id: 'd', userId, currency: 'USD', amount: String(i + 1) })),
    ),
  );
  const accounts = await books.pincex.bookkeeper.batchGetAccounts(ids, ['USD']);
  expect(accounts.map((account) => account!.available)).toEqual(ids.map((_, i) => String(i + 1)));
});
