import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Database, type DatabaseOptions } from '../../src/database/database.ts';
import { limits } from '../../src/index.ts';
import { configOf } from '../support/books.ts';
import { holdTimers } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { gate, until } from '../support/waiting.ts';

/** A pool that is asked for more than it can do refuses calls, within the configured bounds. */

let books: TestDatabase;
beforeAll(async () => {
  books = await createTestDatabase();
});
afterAll(() => books.drop());

function openPool(options: Partial<DatabaseOptions>): Database {
  const database = new Database({
    url: books.url,
    ...configOf(books.url).database.pool,
    queryHints: true,
    ...options,
  });
  onTestFinished(() => database.close());
  return database;
}

const ask = { name: 'ask', text: 'SELECT 1 AS answer' };

/** Takes a connection and keeps it until the returned function is called. */
async function occupy(database: Database): Promise<() => Promise<void>> {
  const begun = gate();
  const free = gate();
  const work = database.transaction(() => {
    begun.open();
    return free.opened;
  });
  await begun.opened;
  return () => {
    free.open();
    return work;
  };
}

describe('a pool whose connections are all busy', () => {
  it('as many calls wait as max_waiting allows, and one more is refused with pool_exhausted at once', async () => {
    const database = openPool({ max: 2, maxWaiting: 3 });
    const leave = [await occupy(database), await occupy(database)];
    const waiting = [1, 2, 3].map(() => database.query(ask));
    await expect(database.query(ask)).rejects.toMatchObject({
      code: 'pool_exhausted',
      retryable: true,
      message:
        'All 2 connections are busy and 3 calls wait for one, the maximum (database.pool.max_waiting); send fewer and larger batches at once, or raise it',
    });
    await expect(database.transaction(() => Promise.resolve())).rejects.toMatchObject({
      code: 'pool_exhausted',
    });
    for (const leaveOne of leave) await leaveOne();
    expect(await Promise.all(waiting)).toEqual([[{ answer: '1' }], [{ answer: '1' }], [{ answer: '1' }]]);
  });

  it('no call waits if max_waiting is 0', async () => {
    const database = openPool({ max: 1, maxWaiting: 0 });
    expect(await database.query(ask)).toEqual([{ answer: '1' }]);
    const leave = await occupy(database);
    await expect(database.query(ask)).rejects.toMatchObject({ code: 'pool_exhausted' });
    await leave();
    expect(await database.query(ask)).toEqual([{ answer: '1' }]);
  });

  it('a call that waits longer than connection_timeout fails with pool_exhausted', async () => {
    const connectionTimeoutMs = 3_600_000;
    const waiting = holdTimers(connectionTimeoutMs);
    const database = openPool({ max: 1, connectionTimeoutMs });
    const leave = await occupy(database);
    const told = expect(database.query(ask)).rejects.toMatchObject({
      code: 'pool_exhausted',
      retryable: true,
      message: expect.stringContaining(
        'All 1 connections were busy for 3600000 ms (database.pool.connection_timeout)',
      ) as string,
    });
    await until('the call to wait', () => waiting.count === 1);
    waiting.fire();
    await told;
    await leave();
  });

  it('calls that come together are refused beyond the number of connections and of waiting places', async () => {
    const database = openPool({ max: 2, maxWaiting: 3 });
    // Idle connections take calls in the same turn of the event loop.
    await Promise.all([database.query(ask), database.query(ask)]);
    const calls = await Promise.allSettled(Array.from({ length: 20 }, () => database.query(ask)));
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  });
});

describe('a statement that takes longer than statement_timeout', () => {
  const sleep = { name: 'sleep', text: 'SELECT pg_sleep(10)' };

  it('a statement beyond statement_timeout is cancelled by PostgreSQL, and its connection serves the next one', async () => {
    const database = openPool({ max: 1, statementTimeoutMs: 250 });
    const before = await database.query({ name: 'pid', text: 'SELECT pg_backend_pid() AS pid' });
    await expect(database.query(sleep)).rejects.toMatchObject({
      code: 'database_unavailable',
      retryable: true,
      message:
        'PostgreSQL cancelled a statement: canceling statement due to statement timeout (database.pool.statement_timeout)',
    });
    expect(await database.query({ name: 'pid', text: 'SELECT pg_backend_pid() AS pid' })).toEqual(before);
  });

  it('a statement beyond statement_timeout ends the transaction that it is in', async () => {
    const database = openPool({ max: 1, statementTimeoutMs: 250 });
    await expect(database.transaction((session) => session.query(sleep))).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect(await database.query(ask)).toEqual([{ answer: '1' }]);
  });

  it('statement_timeout does not apply to the connections outside the pool, on which the audit reads', async () => {
    const statementTimeoutMs = 3_600_000;
    const bounds = holdTimers(statementTimeoutMs + limits.database.lateAnswerMs);
    const database = openPool({ statementTimeoutMs });
    const show = { name: 'show', text: `SELECT current_setting('statement_timeout') AS bound` };
    expect(await database.query(show)).toEqual([{ bound: '1h' }]);
    await database.snapshot(async (client) => {
      const asked = client.query(show.text);
      expect(bounds.count).toBe(0);
      expect((await asked).rows).toEqual([{ bound: '0' }]);
      // A statement of the pool has both bounds: this one waits for a lock that the snapshot's connection holds.
      const lock = 'pg_advisory_lock(1)';
      await client.query(`SELECT ${lock}`);
      const own = database.query({ name: 'lock', text: `SELECT ${lock}` });
      await until('the statement to wait', () => bounds.count === 1);
      await client.query('SELECT pg_advisory_unlock_all()');
      await own;
    });
  });
});

describe('the prepared statements of a connection', () => {
  it('a connection keeps a bounded number of statements prepared, and runs all others as well', async () => {
    const database = openPool({ max: 1 });
    const echo = (n: number) =>
      database.query({ name: `echo-${n}`, text: `SELECT $1 || '-${n}' AS echo` }, ['a']);
    const most = limits.database.preparedStatements;
    const all = Array.from({ length: most + 20 }, (_, n) => n);
    // Every statement once, and then some of them again: the first and the last that are kept, and others.
    for (const n of [...all, 0, most - 1, most, most + 19]) {
      expect(await echo(n)).toEqual([{ echo: `a-${n}` }]);
    }
    const kept = await database.query<{ count: string; all_ours: string }>({
      name: 'kept',
      text: `SELECT count(*), bool_and(name LIKE 'echo-%') AS all_ours FROM pg_prepared_statements`,
    });
    expect(kept).toEqual([{ count: String(limits.database.preparedStatements), all_ours: 't' }]);
  });

  it('a new connection prepares the statements of a lost one again', async () => {
    const database = openPool({ max: 1 });
    await database.query(ask);
    const [{ pid } = { pid: '' }] = await database.query<{ pid: string }>({
      name: 'pid',
      text: 'SELECT pg_backend_pid() AS pid',
    });
    const killer = openPool({ max: 1 });
    await killer.query({ name: 'kill', text: 'SELECT pg_terminate_backend($1)' }, [pid]);
    await until('the connection to be gone', async () => {
      const text = 'SELECT FROM pg_stat_activity WHERE pid = $1';
      return (await killer.query({ name: 'look', text }, [pid])).length === 0;
    });
    // The pool may notice the lost connection only now.
    await database.query(ask).catch(() => undefined);
    expect(await database.query(ask)).toEqual([{ answer: '1' }]);
  });
});

it('a connection that the server terminates fails with database_unavailable and the message of the server', async () => {
  const database = openPool({});
  const last = { name: 'last', text: 'SELECT pg_terminate_backend(pg_backend_pid())' };
  await expect(database.query(last)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('terminating connection due to administrator command') as string,
  });
  expect(await database.query(ask)).toEqual([{ answer: '1' }]);
});
