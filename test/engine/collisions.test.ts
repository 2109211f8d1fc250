import { beforeAll, describe, expect, it } from 'vitest';
import type { Strategy } from '../../src/index.ts';
import { expectBalanced, funds, isLong, newUser, useBooks } from '../support/books.ts';
import { start, type Ended } from '../support/processes.ts';
import { until } from '../support/waiting.ts';
import type { Moved, Moves } from './mover.ts';

/** Two processes that move the money of the same accounts, which they name in opposite orders. */

const books = useBooks({}, { audited: false });

/** How often the accounts pass from one process to the other. */
const PASSES = isLong ? 2_000 : 60;
const PAIRS: readonly (readonly [Strategy, Strategy])[] = [
  ['auto', 'auto'],
  ['guard', 'guard'],
  ['lock', 'lock'],
  ['guard', 'lock'],
];
const ACCOUNTS = 12;

interface Round {
  readonly userIds: readonly string[];
  /** The counts of each of the two processes. */
  readonly moved: readonly Moved[];
}
let rounds: readonly Round[];
let ended: readonly Ended[];
let deadlocks: number;

beforeAll(
  async () => {
    const users = await Promise.all(PAIRS.map(() => Promise.all(Array.from({ length: ACCOUNTS }, newPayer))));
    const [row] = await books.sql<{ now: string }>('SELECT now()::text');
    const processes = ['one', 'two'].map((name, n) => {
      const moves: Moves = {
        name,
        rounds: PAIRS.map((pair, round) => ({
          strategy: pair[n]!,
          passes: PASSES,
          waits: pair[n] === 'lock' && pair[1 - n] === 'guard',
          userIds: n === 0 ? users[round]! : [...users[round]!].reverse(),
        })),
      };
      return start('test/engine/mover.ts', [JSON.stringify(moves)], { env: { DATABASE_URL: books.url } });
    });
    // A process that fails would leave the other one waiting for it.
    for (const { ended } of processes) {
      void ended.then(({ exitCode }) => {
        if (exitCode !== 0) for (const { child } of processes) child.kill();
      });
    }
    ended = await Promise.all(processes.map((process) => process.ended));
    const moved = ended.map(({ stdout }) => stdout.split('\n').filter(Boolean));
    rounds = users.map((userIds, round) => ({
      userIds,
      moved: moved.map((lines) => JSON.parse(lines[round] ?? '{}') as Moved),
    }));
    deadlocks = await deadlocksOnceClosed(row!.now);
  },
  // Four rounds, one after the other: on a busy machine they take longer than one test may.
  isLong ? 3_600_000 : 900_000,
);

const newPayer = (): Promise<string> => newUser(books.pincex, { USD: '1000' });

/** PostgreSQL counts the deadlocks of a connection once the connection has ended. */
async function deadlocksOnceClosed(since: string): Promise<number> {
  await until('the connections of both processes to end', async () => {
    const open = await books.sql(
      `SELECT FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND backend_start > $1::timestamptz`,
      [since],
    );
    return open.length === 0;
  });
  const [row] = await books.sql<{ deadlocks: number }>(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  return row!.deadlocks;
}

describe('two processes that lock the funds of the same accounts in opposite orders', () => {
  it('both processes exit with 0 and print no errors', () => {
    expect(ended).toMatchObject([
      { exitCode: 0, stderr: '' },
      { exitCode: 0, stderr: '' },
    ]);
  });

  it('two processes that lock accounts in opposite orders never deadlock', () => {
    expect(deadlocks).toBe(0);
  });

  it('the books balance after both processes have ended', async () => {
    await expectBalanced(books.pincex);
  });
});

describe.each(PAIRS.map(([first, second], n) => ({ first, second, n })))(
  'two processes with the strategies $first and $second',
  ({ first, n }) => {
    it('all items of both processes are applied', () => {
      for (const { applied, rejected } of rounds[n]!.moved) {
        expect(rejected).toBe(0);
        expect(applied).toBeGreaterThan(0);
      }
    });

    it('each lock and each unlock is in the journal once', async () => {
      const { userIds, moved } = rounds[n]!;
      const [row] = await books.sql<{ entries: number }>(
        `SELECT count(*)::int AS entries FROM journal WHERE user_id = ANY ($1) AND operation_type <> 'deposit'`,
        [userIds],
      );
      expect(row!.entries).toBe(moved.reduce((sum, { applied }) => sum + applied, 0));
    });

    it('no account has lost any money', async () => {
      for (const userId of rounds[n]!.userIds) {
        expect(await funds(books.pincex, userId, 'USD')).toBe('1000 / 0');
      }
    });

    // A batch that only guards may lose on every attempt: its process gets `conflict` and sends it again.
    if (first !== 'guard')
      it('no batch is given up because it lost too often', () => {
        expect(rounds[n]!.moved.map(({ conflicts }) => conflicts)).toEqual([0, 0]);
      });
  },
);
