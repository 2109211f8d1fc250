import { describe, expect, it } from 'vitest';
import { expectApplied, fresh, funds, newUser, outcomes, useBooks } from '../support/books.ts';

const books = useBooks();

const ofUser = (userId = fresh('user')) => ({ id: 'a', userId, currency: 'USD' });

describe('createAccount', () => {
  it('a new account is empty, at version 0, has no journal entries, and is returned by reads and streams', async () => {
    const account = ofUser();
    expect(await books.pincex.bookkeeper.createAccount(account)).toEqual({
      index: 0,
      id: 'a',
      status: 'applied',
      data: { available: '0', locked: '0', version: 0 },
    });
    const { userId, currency } = account;
    const view = { userId, currency, available: '0', locked: '0', balance: '0', version: 0 };
    expect(await books.pincex.bookkeeper.getAccount(userId, currency)).toMatchObject(view);
    const streamed = [];
    for await (const row of books.pincex.streamAccounts()) if (row.userId === userId) streamed.push(row);
    expect(streamed).toMatchObject([view]);
    expect(await books.sql('SELECT FROM journal WHERE user_id = $1', [userId])).toEqual([]);
  });

  it('the same createAccount item sent again is replayed, also after money has moved', async () => {
    const account = ofUser();
    const { bookkeeper } = books.pincex;
    expectApplied(await bookkeeper.batchCreateAccounts([account]));
    expectApplied(await bookkeeper.batchDeposit([{ ...account, id: 'd', amount: '1' }]));
    const again = await bookkeeper.batchCreateAccounts([account, account]);
    expect(outcomes(again)).toEqual(['replayed', 'replayed']);
    expect(again.results[0]).toMatchObject({ data: { available: '0', locked: '0', version: 0 } });
    expect(await funds(books.pincex, account.userId, 'USD')).toBe('1 / 0');
  });

  it('createAccount under the id of another account is refused and opens no account', async () => {
    const account = ofUser();
    const { bookkeeper } = books.pincex;
    expectApplied(await bookkeeper.batchCreateAccounts([account]));
    expect(outcomes(await bookkeeper.batchCreateAccounts([{ ...account, currency: 'EUR' }]))).toEqual([
      'id_reused',
    ]);
    expect(await funds(books.pincex, account.userId, 'EUR')).toBe('none');
  });

  it('a user has one account per currency: a second one is refused, also when a deposit created the first', async () => {
    const account = ofUser();
    const batch = await books.pincex.execute([
      { command: 'createAccount', ...account },
      { command: 'createAccount', ...account, id: 'b' },
      { command: 'createAccount', ...account, id: 'c', currency: 'EUR' },
      { command: 'createAccount', ...account, userId: fresh('other') },
      { command: 'deposit', ...account, id: 'd', currency: 'CHF', amount: '1' },
      { command: 'createAccount', ...account, id: 'e', currency: 'CHF' },
    ]);
    expect(outcomes(batch)).toEqual([
      'applied',
      'account_exists',
      'applied',
      'applied',
      'applied',
      'account_exists',
    ]);
    const later = await books.pincex.bookkeeper.batchCreateAccounts([{ ...account, id: 'f' }]);
    expect(outcomes(later)).toEqual(['account_exists']);
  });

  it('a new account takes deposits in its own batch and later, and its journal begins with the first deposit', async () => {
    const [now, later] = [ofUser(), ofUser()];
    const both = await books.pincex.execute([
      { command: 'createAccount', ...now },
      { command: 'deposit', ...now, id: 'd', amount: '10' },
      { command: 'lockFunds', ...now, id: 'l', amount: '3', orderId: 'o' },
      { command: 'createAccount', ...later },
    ]);
    expectApplied(both);
    expect(both.results).toMatchObject([
      { data: { version: 0 } },
      { data: { version: 1 } },
      { data: { version: 2 } },
      { data: { version: 0 } },
    ]);
    expect(await books.pincex.bookkeeper.deposit({ ...later, id: 'd', amount: '5' })).toMatchObject({
      data: { available: '5', locked: '0', version: 1 },
    });
    const entries = await books.sql(
      'SELECT user_id, version::int, operation_type FROM journal WHERE user_id = ANY ($1) ORDER BY user_id = $2, version',
      [[now.userId, later.userId], later.userId],
    );
    expect(entries).toEqual([
      { user_id: now.userId, version: 1, operation_type: 'deposit' },
      { user_id: now.userId, version: 2, operation_type: 'lockFunds' },
      { user_id: later.userId, version: 1, operation_type: 'deposit' },
    ]);
  });

  it('an empty account cannot lock, withdraw or transfer funds, and can receive a transfer', async () => {
    const account = ofUser();
    const own = { ...account, amount: '1' };
    expectApplied(await books.pincex.bookkeeper.batchCreateAccounts([account]));
    const batch = await books.pincex.execute([
      { command: 'lockFunds', ...own, id: 'l', orderId: 'o' },
      { command: 'withdraw', ...own, id: 'w' },
      { command: 'transfer', ...own, id: 't', toUserId: 'someone' },
    ]);
    expect(outcomes(batch)).toEqual(['insufficient_funds', 'insufficient_funds', 'insufficient_funds']);
    const payer = await newUser(books.pincex, { USD: '10' });
    expectApplied(
      await books.pincex.bookkeeper.batchTransfer([
        { ...own, id: 't', userId: payer, toUserId: account.userId },
      ]),
    );
    expect(await funds(books.pincex, account.userId, 'USD')).toBe('1 / 0');
  });

  it('an account opened in a failed group or a rolled-back transaction does not exist', async () => {
    const account = ofUser();
    const group = await books.pincex.execute([
      { command: 'createAccount', ...account, group: 'g' },
      { command: 'withdraw', ...account, id: 'w', amount: '1', group: 'g' },
    ]);
    expect(outcomes(group)).toEqual(['group_failed', 'insufficient_funds']);
    const undone = books.pincex.transaction(async (tx) => {
      expectApplied(await tx.bookkeeper.batchCreateAccounts([account]));
      expect(await tx.bookkeeper.getAccount(account.userId, 'USD')).toMatchObject({ version: 0 });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await funds(books.pincex, account.userId, 'USD')).toBe('none');
    expectApplied(await books.pincex.bookkeeper.batchCreateAccounts([account]));
  });
});
