import { describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/index.ts';
import { expectApplied, fresh, newUser, useBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
import { take } from './tables.ts';

vi.mock('../../src/limits.ts', () => import('./smallPages.ts'));

/** Rows change while a stream runs: rows that exist all the time come exactly once. */

const PAGE = limits.streams.rows;

describe('a stream of books that are written to', () => {
  const books = useBooks();

  it('a stream yields every account once, whatever moves meanwhile', async () => {
    const userIds = Array.from({ length: 2 * PAGE + 10 }, (_, n) => `user-${n}`);
    const deposits = userIds.map((userId) => ({ id: 'd', userId, currency: 'USD', amount: '100' }));
    expectApplied(await books.pincex.bookkeeper.batchDeposit(deposits));
    let isStreaming = true;
    let batches = 0;
    const move = async (): Promise<void> => {
      while (isStreaming) {
        const id = fresh('lock');
        const locks = userIds
          .filter((_, n) => n % 40 === batches % 40)
          .map((userId) => ({ id, userId, currency: 'USD', amount: '0.01', orderId: id }));
        expectApplied(await books.pincex.bookkeeper.batchLockFunds(locks));
        batches++;
      }
    };
    const moving = move();
    const sorted = userIds.toSorted();
    try {
      for (let turn = 0; turn < 5; turn++) {
        const seen: string[] = [];
        for await (const { userId, balance } of books.pincex.streamAccounts()) {
          if (userId === '@outside') continue;
          seen.push(userId);
          expect(balance).toBe('100');
          if (seen.length % 15 !== 0) continue;
          const before = batches;
          await until('another batch', () => batches > before);
        }
        expect(seen).toEqual(sorted);
      }
    } finally {
      isStreaming = false;
      await moving;
    }
  });

  it('a stream of the journal yields the steps of an account as they were taken', async () => {
    const userId = await newUser(books.pincex, { BTC: '2.5' });
    const lock = { userId, currency: 'BTC', amount: '1.5', orderId: 'o' };
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([{ ...lock, id: 'l' }]));
    const steps = (await take(books.pincex.streamJournal())).filter((entry) => entry.userId === userId);
    const createdAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string;
    expect(steps).toEqual([
      {
        userId,
        currency: 'BTC',
        version: 1,
        availableDelta: '2.5',
        lockedDelta: '0',
        available: '2.5',
        locked: '0',
        operationId: 'funds-BTC',
        operationType: 'deposit',
        orderId: null,
        reason: null,
        metadata: null,
        createdAt,
      },
      {
        userId,
        currency: 'BTC',
        version: 2,
        availableDelta: '-1.5',
        lockedDelta: '1.5',
        available: '1',
        locked: '1.5',
        operationId: 'l',
        operationType: 'lockFunds',
        orderId: 'o',
        reason: null,
        metadata: null,
        createdAt,
      },
    ]);
  });
});

describe('how far a stream reads ahead', () => {
  const pages: string[] = [];
  const books = useBooks(
    {
      onStatement({ name }) {
        if (name.startsWith('stream-')) pages.push(name);
      },
    },
    { audited: false },
  );
  const userOf = (n: number): string => `user-${String(n).padStart(6, '0')}`;
  const add = (from: number, to: number) =>
    books.sql(
      `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
       SELECT 'user-' || lpad(n::text, 6, '0'), 'USD', 1, 1, now(), now() FROM generate_series($1::int, $2::int) AS n`,
      [from, to],
    );

  it('a stream at the first row of a page has read the next page and no more, and keeps no transaction open', async () => {
    await books.sql('TRUNCATE accounts');
    await add(1, 5 * PAGE);
    pages.length = 0;
    let count = 0;
    for await (const row of books.pincex.streamAccounts()) {
      expect(row.userId).toBe(userOf(++count));
      if (count % PAGE !== 1 && count % PAGE !== 0) continue;
      const wanted = Math.ceil(count / PAGE) + 1;
      await until('the next page', () => pages.length >= wanted);
      // Any page that is read further ahead would have been asked for before these audits.
      for (let n = 0; n < 3; n++) await books.pincex.audit();
      expect(pages).toHaveLength(wanted);
      expect(
        await books.sql(
          `SELECT state, query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pincex'
           AND (state <> 'idle' OR backend_xmin IS NOT NULL)`,
        ),
      ).toEqual([]);
    }
    expect(count).toBe(5 * PAGE);
  });

  it('a stream sees changes behind the next page, and none of those before it', async () => {
    await books.sql('TRUNCATE accounts');
    await add(1, 4 * PAGE);
    const later = 3 * PAGE;
    const balances = new Map<string, string>();
    for await (const { userId, balance } of books.pincex.streamAccounts()) {
      expect(balances.has(userId)).toBe(false);
      balances.set(userId, balance);
      if (balances.size > 1) continue;
      await books.sql(`UPDATE accounts SET available = 7 WHERE user_id = ANY ($1)`, [
        [userOf(1), userOf(2), userOf(later)],
      ]);
      await books.sql(`DELETE FROM accounts WHERE user_id = ANY ($1)`, [[userOf(3), userOf(later + 1)]]);
      await add(0, 0);
      await add(4 * PAGE + 1, 4 * PAGE + 1);
    }
    expect(balances.get(userOf(1))).toBe('1');
    expect(balances.get(userOf(2))).toBe('1');
    expect(balances.get(userOf(3))).toBe('1');
    expect(balances.get(userOf(later))).toBe('7');
    expect(balances.has(userOf(later + 1))).toBe(false);
    expect(balances.has(userOf(0))).toBe(false);
    expect(balances.has(userOf(4 * PAGE + 1))).toBe(true);
    expect(balances.size).toBe(4 * PAGE);
  });
});
