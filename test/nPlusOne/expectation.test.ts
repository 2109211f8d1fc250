import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { expectNoNPlusOne, watchPool } from '../../src/nPlusOne/index.ts';
import { anyway, useBooks } from '../support/books.ts';
import { startNode, typescript } from '../support/processes.ts';
import { placeOf } from './support.ts';

const books = useBooks();
const FILE = 'test/nPlusOne/expectation.test.ts';
const users = ['alice', 'bob', 'carol', 'dave', 'erin'];

const oneByOne = async (userIds: readonly string[]): Promise<void> => {
  for (const userId of userIds) await books.pincex.bookkeeper.getAccount(userId, 'USD'); // in work
};

describe('expectNoNPlusOne', () => {
  it('returns the result of work without a loop', async () => {
    const { bookkeeper } = books.pincex;
    expect(await expectNoNPlusOne(() => bookkeeper.batchGetAccounts(users, ['USD']))).toHaveLength(5);
    expect(await expectNoNPlusOne(() => 'at once')).toBe('at once');
    await expectNoNPlusOne(() => oneByOne(users.slice(1)));
  });

  it('throws with the count, place and time of every loop, and the batch call to use instead', async () => {
    const pool = new pg.Pool({ connectionString: books.url });
    onTestFinished(() => pool.end());
    onTestFinished(watchPool(pool));
    const work = async (): Promise<void> => {
      await oneByOne(users);
      for (const user of users) await pool.query('SELECT $1', [user]); // of the pool
    };
    const failure = await expectNoNPlusOne(work).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'PincexError', code: 'n_plus_one' });
    const [head, ...lines] = (failure as Error).message.split('\n');
    expect(head).toBe('Loops that should be batches:');
    expect(lines.map((line) => line.replace(/[\d.]+ ms/, '… ms')).toSorted()).toEqual([
      `- SELECT ? was called 5 times for one item each at ${placeOf(FILE, 'of the pool')}, which took … ms. Instead, send one SELECT with "= ANY($1)" and all keys as an array`,
      `- batch_get_accounts was called 5 times for one item each at ${placeOf(FILE, 'in work')}, which took … ms. Instead, call batchGetAccounts once with all items`,
    ]);
  });

  it('takes a threshold, and refuses wrong ones and work that is no function', async () => {
    await expect(expectNoNPlusOne(() => oneByOne(users.slice(3)), { threshold: 2 })).rejects.toMatchObject({
      code: 'n_plus_one',
    });
    const options = anyway<{ threshold: number }>({ threshold: 0 });
    await expect(expectNoNPlusOne(() => 1, options)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(expectNoNPlusOne(anyway<() => void>(undefined))).rejects.toThrow(
      'work must be a function: got nothing',
    );
  });

  it('sees only the calls of its work, not those beside it', async () => {
    const [result] = await Promise.all([
      expectNoNPlusOne(async () => {
        await oneByOne(['alice']);
        return 'fine';
      }),
      oneByOne(users),
      oneByOne(users),
    ]);
    expect(result).toBe('fine');
  });

  it('works inside another expectation', async () => {
    const inner = (): Promise<unknown> => expectNoNPlusOne(() => oneByOne(users), { threshold: 100 });
    await expect(expectNoNPlusOne(inner)).rejects.toMatchObject({ code: 'n_plus_one' });
  });

  it('passes on the error of work', async () => {
    const error = new Error('of work');
    await expect(expectNoNPlusOne(() => Promise.reject(error))).rejects.toBe(error);
    await expect(
      expectNoNPlusOne(() => {
        throw error;
      }),
    ).rejects.toBe(error);
  });

  it('fails a test of node:test that runs a loop, and passes one that does not', async () => {
    const file = 'test/nPlusOne/ofNodeTest.ts';
    const args = [...typescript, '--test-reporter=tap', '--test', file];
    const { stdout, exitCode } = await startNode(args, { env: { DATABASE_URL: books.url } }).ended;
    expect(stdout).toContain('not ok 1 - a loop');
    expect(stdout).toContain(
      `SELECT ?::int was called 5 times for one item each at ${placeOf(file, 'loop')}`,
    );
    expect(stdout).toContain('ok 2 - a batch');
    expect(exitCode).toBe(1);
  });
});
