import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { watchPool, type PoolLike } from '../../src/nPlusOne/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { anyway } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { detect, placeOf } from './support.ts';

const FILE = 'test/nPlusOne/pool.test.ts';
let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
  await pool.query(`CREATE TABLE balances (owner text PRIMARY KEY, cents bigint NOT NULL);
    INSERT INTO balances SELECT 'owner' || n, 100 FROM generate_series(1, 5) n`);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const owners = ['owner1', 'owner2', 'owner3', 'owner4', 'owner5'];
const SELECT = 'SELECT cents FROM balances WHERE owner = $1';

/** Watches the pool until the test has finished. */
function watch(): void {
  onTestFinished(watchPool(pool));
}

describe('watchPool', () => {
  it('lets a detector find loops of pool.query, awaited, chained or by callback, each with its place and normalised SQL', async () => {
    holdClock();
    watch();
    const detector = detect();
    for (const owner of owners) await pool.query(SELECT, [owner]); // awaited
    await Promise.all(owners.map((owner) => pool.query({ text: SELECT, values: [owner], name: 'cents' }))); // at once
    for (const owner of owners) {
      await new Promise((resolve) => {
        pool.query(SELECT, [owner], resolve); // callback
      });
    }
    const sql = 'SELECT cents FROM balances WHERE owner = ?';
    expect(detector.loops.map(({ shape, callSite, calls }) => [shape, callSite, calls])).toEqual(
      ['awaited', 'at once', 'callback'].map((mark) => [sql, placeOf(FILE, mark), 5]),
    );
    expect(detector.loops[0]!.instead).toBe('send one SELECT with "= ANY($1)" and all keys as an array');
  });

  it('lets a detector find loops on clients of pool.connect, by promise or by callback, and after a failed statement', async () => {
    holdClock();
    watch();
    const detector = detect();
    const client = await pool.connect();
    await client.query('BEGIN');
    for (const owner of owners) await client.query(`UPDATE balances SET cents = 1 WHERE owner = '${owner}'`); // update
    await client.query('ROLLBACK');
    for (const owner of owners)
      await expect(client.query(`SELECT 1 / 0, '${owner}'`)).rejects.toThrow('division'); // failing
    client.release();
    const [other, release] = await new Promise<[pg.PoolClient, () => void]>((resolve, reject) => {
      pool.connect((error, connected, done) => {
        if (connected === undefined) reject(error ?? new Error('No client'));
        else resolve([connected, done]);
      });
    });
    for (const owner of owners) await other.query(SELECT, [owner]); // client by callback
    release();
    expect(detector.loops.map(({ shape, callSite, calls }) => [shape, callSite, calls])).toEqual([
      ['UPDATE balances SET cents = ? WHERE owner = ?', placeOf(FILE, 'update'), 5],
      ['SELECT ? / ?, ?', placeOf(FILE, 'failing'), 5],
      ['SELECT cents FROM balances WHERE owner = ?', placeOf(FILE, 'client by callback'), 5],
    ]);
  });

  it('measures what the statements of a loop cost', async () => {
    const clock = holdClock();
    const slow = {
      query: async () => {
        await Promise.resolve();
        clock.pass(4);
      },
      connect: () => undefined,
    };
    onTestFinished(watchPool(slow));
    const detector = detect();
    const query = slow.query as (sql: string) => Promise<unknown>;
    for (const owner of owners) await query(`SELECT '${owner}'`);
    expect(detector.loops).toMatchObject([{ calls: 5, durationMs: 20 }]);
  });

  it('shows no loop in statements that take several keys, in inserts of several rows, and in transactions', async () => {
    holdClock();
    watch();
    const detector = detect({ threshold: 2 });
    for (let n = 0; n < 3; n++) {
      await pool.query('SELECT cents FROM balances WHERE owner = ANY($1)', [owners]);
      await pool.query(`INSERT INTO balances SELECT x->>'owner', 1 FROM json_array_elements($1::json) x`, [
        JSON.stringify([{ owner: `a${n}` }, { owner: `b${n}` }]),
      ]);
      await pool.query('BEGIN');
      await pool.query('COMMIT');
    }
    expect(detector.loops).toEqual([]);
  });

  it('changes no answer and no error of the pool and its clients', async () => {
    watch();
    detect();
    expect((await pool.query<{ cents: string }>(SELECT, ['owner1'])).rows).toEqual([{ cents: '100' }]);
    await expect(pool.query('SELECT nothing')).rejects.toMatchObject({ code: '42703' });
    await expect(
      new Promise((_, reject) => {
        pool.query('SELECT nothing', reject);
      }),
    ).rejects.toMatchObject({ code: '42703' });
    await expect(pool.query(anyway<string>(undefined))).rejects.toThrow('null or undefined query');
    const submitted = new pg.Query('SELECT 7 AS n');
    const client = await pool.connect();
    const ended = new Promise((resolve) => submitted.on('end', resolve));
    expect(client.query(submitted)).toBe(submitted);
    await ended;
    client.release();
    expect(() => {
      client.release();
    }).toThrow('Release called on client which has already been released');
  });

  it('gives the pool and its clients their own methods back when it ends, also those of clients in use', async () => {
    const hasOwn = (object: object): boolean =>
      Object.hasOwn(object, 'query') || Object.hasOwn(object, 'connect');
    expect(hasOwn(pool)).toBe(false);
    const unwatch = watchPool(pool);
    const client = await pool.connect();
    expect([hasOwn(pool), hasOwn(client)]).toEqual([true, true]);
    unwatch();
    unwatch();
    expect([hasOwn(pool), hasOwn(client)]).toEqual([false, false]);
    client.release();
    const detector = detect({ threshold: 2 });
    for (const owner of owners) await pool.query(SELECT, [owner]);
    expect(detector.loops).toEqual([]);
    watchPool(pool)();
  });

  it('refuses what is no pool, and a pool that is watched already', () => {
    for (const given of [undefined, null, {}, { query: () => undefined }])
      expect(() => watchPool(anyway<PoolLike>(given))).toThrow(
        'watchPool takes a pool with the methods query and connect',
      );
    watch();
    expect(() => watchPool(pool)).toThrow('This pool is watched already');
  });
});
