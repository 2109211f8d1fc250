import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defaultFolder, readMigrations } from '../../src/migrations/files.ts';
import { lossesOf } from '../../src/migrations/guard.ts';
import { migrateDown, migrateUp, migrationStatus } from '../../src/migrations/runner.ts';
import { openBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
import { emptyDatabase, migrationFolder, openPool } from './support.ts';

const THREE = {
  '001_users.up.sql':
    'CREATE TABLE users (id int PRIMARY KEY, name text);\nINSERT INTO users VALUES (1, $$a;b$$);',
  '001_users.down.sql': 'DROP TABLE users;',
  '002_name_index.up.sql':
    '-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name);',
  '002_name_index.down.sql': '-- no transaction\nDROP INDEX CONCURRENTLY IF EXISTS users_name;',
  '010_orders.up.sql': 'CREATE TABLE orders ();',
  '010_orders.down.sql': 'DROP TABLE orders;',
};

const nameOf = (url: string) => new URL(url).pathname.slice(1);
const versions = (migrations: readonly { version: number }[]) => migrations.map(({ version }) => version);

async function relations(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
     AND relname NOT LIKE '%pkey' ORDER BY relname`,
  );
  return rows.map(({ relname }) => relname);
}

describe('migrating up', () => {
  it('migrateUp applies all files in the order of their numbers, and nothing on a second run', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    const files: string[] = [];
    const applied = await migrateUp(pool, { folder, onProgress: (file) => files.push(file) });
    expect(versions(applied)).toEqual([1, 2, 10]);
    expect(files).toEqual(['001_users.up.sql', '002_name_index.up.sql', '010_orders.up.sql']);
    expect(await relations(pool)).toEqual(['orders', 'schema_migrations', 'users', 'users_name']);
    expect(await migrateUp(pool, { folder })).toEqual([]);
  });

  it('migrateUp runs on one client as well as on a pool, and leaves its session without locks', async () => {
    const { pool, url } = await emptyDatabase();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await migrateUp(client, { folder: migrationFolder(THREE) });
    const locks = await pool.query(`SELECT FROM pg_locks WHERE locktype = 'advisory'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
    expect(locks.rowCount).toBe(0);
    await client.end();
  });

  it('migrateUp goes no further than the version that it is given', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    expect(versions(await migrateUp(pool, { folder, to: 2 }))).toEqual([1, 2]);
    expect(versions(await migrateUp(pool, { folder }))).toEqual([10]);
  });

  it('the migrations of Pincex can be applied, taken back to nothing and applied again', async () => {
    const { pool, url } = await emptyDatabase();
    const applied = await migrateUp(pool);
    const after = await relations(pool);
    const down = await migrateDown(pool, { to: 0, dropData: nameOf(url) });
    expect(versions(down)).toEqual(versions(applied).reverse());
    expect(await relations(pool)).toEqual(['schema_migrations']);
    await migrateUp(pool);
    expect(await relations(pool)).toEqual(after);
    expect((await migrationStatus(pool)).every(({ state }) => state === 'applied')).toBe(true);
  });
});

describe('migrating down', () => {
  it('migrateDown takes back the latest migration, as many as it is told, or all after a version', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    await migrateUp(pool, { folder });
    await pool.query('DELETE FROM users');
    expect(versions(await migrateDown(pool, { folder }))).toEqual([10]);
    expect(versions(await migrateDown(pool, { folder, steps: 5 }))).toEqual([2, 1]);
    expect(await migrateDown(pool, { folder })).toEqual([]);
    expect(versions(await migrateUp(pool, { folder }))).toEqual([1, 2, 10]);
    expect(versions(await migrateDown(pool, { folder, to: 1 }))).toEqual([10, 2]);
    expect(await relations(pool)).toEqual(['schema_migrations', 'users']);
  });

  it('migrateDown refuses a migration that has no down file', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder({ '001_a.up.sql': 'CREATE TABLE a ();' });
    await migrateUp(pool, { folder });
    await expect(migrateDown(pool, { folder })).rejects.toThrow(/001_a\.up\.sql cannot be reverted/);
    expect(await relations(pool)).toEqual(['a', 'schema_migrations']);
  });
});

describe('data that migrating down would drop', () => {
  it('migrateDown refuses to drop data, and names what holds some, unless it is given the name of the database', async () => {
    const { pool, url } = await emptyDatabase();
    const folder = migrationFolder({
      ...THREE,
      '011_note.up.sql': 'ALTER TABLE users ADD COLUMN note text;\nALTER TABLE users ADD COLUMN born date;',
      '011_note.down.sql': 'ALTER TABLE users DROP COLUMN note;\nALTER TABLE users DROP COLUMN born;',
    });
    await migrateUp(pool, { folder });
    const before = await relations(pool);
    await pool.query(`UPDATE users SET note = 'kept'`);
    const refusal = (what: string) => ({
      code: 'migration_failed',
      message: `Nothing was taken back: it would drop, for good, the data in ${what}. To do so nevertheless, type the name of this database: --drop-data ${nameOf(url)}`,
    });
    await expect(migrateDown(pool, { folder })).rejects.toMatchObject(refusal('users.note'));
    await expect(migrateDown(pool, { folder, to: 0 })).rejects.toMatchObject(refusal('users.note, users'));
    await expect(migrateDown(pool, { folder, dropData: 'another' })).rejects.toMatchObject({
      code: 'migration_failed',
      message: `Nothing was taken back: the data of "another" may be dropped, and this database is "${nameOf(url)}".`,
    });
    expect(await relations(pool)).toEqual(before);
    expect((await pool.query('SELECT note FROM users')).rows).toEqual([{ note: 'kept' }]);
    expect(await migrateDown(pool, { folder, to: 0, dropData: nameOf(url) })).toHaveLength(4);
  });

  it('migrateDown is not refused if only indexes go, or columns without a value', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder({
      ...THREE,
      '011_note.up.sql': 'ALTER TABLE users ADD COLUMN note text;',
      '011_note.down.sql': 'ALTER TABLE users DROP COLUMN note;',
    });
    await migrateUp(pool, { folder });
    expect(versions(await migrateDown(pool, { folder, to: 1 }))).toEqual([11, 10, 2]);
  });

  it('the data that each migration of Pincex drops on its way back is what this list says', () => {
    const losses = readMigrations(defaultFolder).map(({ name, down }) => [
      name,
      down?.statements.flatMap(lossesOf).map(({ table, column }) => (column ? `${table}.${column}` : table)),
    ]);
    expect(losses).toEqual([
      ['reference_data', ['markets', 'currencies']],
      ['accounts', ['operations', 'holds', 'journal', 'accounts']],
      ['orders', ['orders']],
      ['trades', ['trades']],
      ['transactions', ['transactions']],
      ['batch_operations_indexes', []],
      ['processes', ['processes']],
      ['trades_by_key', []],
      ['api_keys', ['api_keys']],
      ['requests', ['requests']],
      ['payments', ['markets.min_notional']],
      ['opened_orders', ['orders.opened_at']],
      ['kinds_of_ids', ['operations.kind']],
      ['trades_of_orders', []],
      ['beginnings', ['beginnings']],
      [
        'notes',
        [
          'journal.reason',
          'journal.metadata',
          'operations.reason',
          'operations.metadata',
          'operations.actor',
        ],
      ],
      [
        'bounds',
        [
          'api_keys.users',
          'api_keys.user_prefix',
          'api_keys.markets',
          'api_keys.addresses',
          'api_keys.is_first',
          'markets.lowest_price',
          'markets.highest_price',
        ],
      ],
      ['rooms', ['request_usage', 'requests']],
      ['orders_by_status', []],
      ['metrics_scope', []],
      ['alerts', ['last_audit', 'alert_lease', 'alert_deliveries', 'alerts']],
      ['told_alerts', ['alerts.told_state', 'alerts.judged_at']],
    ]);
  });

  it.each([
    ['DROP TABLE IF EXISTS a, b CASCADE', ['a', 'b']],
    [
      'ALTER TABLE a DROP b, ALTER c DROP DEFAULT, DROP COLUMN IF EXISTS d, DROP CONSTRAINT e',
      ['a.b', 'a.d'],
    ],
    ['-- a comment\nDELETE FROM a WHERE b', ['a']],
    ['TRUNCATE a', ['a']],
    ['DROP INDEX CONCURRENTLY a', []],
    ['ALTER TABLE a ADD COLUMN b text', []],
  ])('the data that a statement drops is read from its text: %s', (text, expected) => {
    const losses = lossesOf({ text, line: 1 });
    expect(losses.map(({ table, column }) => (column ? `${table}.${column}` : table))).toEqual(expected);
  });
});

describe('migrating up while processes use the database', () => {
  const INDEX = '-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS later ON orders (id);';

  it('migrateUp is refused with the names of the processes if a change is pending, but not if only indexes are', async () => {
    const { pool, url } = await emptyDatabase();
    await migrateUp(pool);
    const running = await openBooks(url);
    const folder = migrationFolder({ '901_later.up.sql': INDEX });
    for (const file of readdirSync(defaultFolder)) {
      copyFileSync(path.join(defaultFolder, file), path.join(folder, file));
    }
    expect(versions(await migrateUp(pool, { folder }))).toEqual([901]);
    writeFileSync(path.join(folder, '902_change.up.sql'), 'ALTER TABLE orders ADD COLUMN later text;');
    writeFileSync(path.join(folder, '903_index.up.sql'), INDEX);
    await expect(migrateUp(pool, { folder })).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringMatching(
        /^Nothing was applied: this database is in use by process \w+ /,
      ) as string,
    });
    const states = await migrationStatus(pool, { folder });
    expect(states.filter(({ state }) => state === 'pending').map(({ version }) => version)).toEqual([
      902, 903,
    ]);
    await running.close();
    expect(versions(await migrateUp(pool, { folder }))).toEqual([902, 903]);
  });
});

it('if one of several migrations cannot be taken back, since a view needs its table, none of them is', async () => {
  const { pool } = await emptyDatabase();
  const folder = migrationFolder(THREE);
  await migrateUp(pool, { folder });
  await pool.query('DELETE FROM users; CREATE VIEW named AS SELECT name FROM users');
  const before = await relations(pool);
  await expect(migrateDown(pool, { folder, steps: 3 })).rejects.toMatchObject({
    code: 'migration_failed',
    message: expect.stringMatching(
      /^Nothing was taken back: 001_users\.down\.sql, line 1: cannot drop table users because other objects depend on it view named/,
    ) as string,
  });
  expect(await relations(pool)).toEqual(before);
  await pool.query('DROP VIEW named');
  expect(versions(await migrateDown(pool, { folder, steps: 3 }))).toEqual([10, 2, 1]);
});

describe('migrating down while processes use the database', () => {
  it('migrateDown is refused with the names of the processes, of which those closed or not seen for long do not count', async () => {
    const { pool, url } = await emptyDatabase();
    await migrateUp(pool);
    const [closed, running] = [await openBooks(url), await openBooks(url)];
    await closed.close();
    const { rows } = await pool.query<{ id: string }>(
      `SELECT id FROM processes WHERE NOT statistics ? 'ended'`,
    );
    expect(rows).toHaveLength(1);
    const dropData = nameOf(url);
    await expect(migrateDown(pool, { to: 0, dropData })).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringMatching(
        new RegExp(
          `^Nothing was taken back: this database is in use by process ${rows[0]!.id.slice(-8)} \\(started`,
        ),
      ) as string,
    });
    await expect(running.audit()).resolves.toMatchObject({ ok: true });
    await pool.query(`UPDATE processes SET seen_at = now() - interval '31 seconds'`);
    expect(versions(await migrateDown(pool, { to: 11, dropData }))).toEqual([
      22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12,
    ]);
    await running.close();
  });
});

describe('the migration status', () => {
  it('the status tells which migrations are applied, pending, changed and unknown, and changes nothing', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    expect((await migrationStatus(pool, { folder })).map(({ state }) => state)).toEqual(
      Array(3).fill('pending'),
    );
    expect(await relations(pool)).toEqual([]);

    await migrateUp(pool, { folder, to: 2 });
    writeFileSync(path.join(folder, '001_users.up.sql'), 'CREATE TABLE users (id bigint);');
    await pool.query(`INSERT INTO schema_migrations VALUES (11, 'later', 'x')`);
    const status = await migrationStatus(pool, { folder });
    expect(status.map(({ version, name, state }) => `${version} ${name} ${state}`)).toEqual([
      '1 users changed',
      '2 name_index applied',
      '10 orders pending',
      '11 later unknown',
    ]);
    expect(status.map(({ appliedAt }) => appliedAt instanceof Date)).toEqual([true, true, false, true]);
  });
});

describe('files that do not fit the database', () => {
  it('an applied file that was changed is refused by name, up and down', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    await migrateUp(pool, { folder });
    writeFileSync(path.join(folder, '001_users.up.sql'), 'CREATE TABLE users (id bigint);');
    const refused = {
      code: 'migration_failed',
      message: expect.stringContaining('001_users.up.sql was changed') as string,
    };
    await expect(migrateUp(pool, { folder })).rejects.toMatchObject(refused);
    await expect(migrateDown(pool, { folder })).rejects.toMatchObject(refused);
  });

  it('an applied file with other line ends counts as unchanged', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    await migrateUp(pool, { folder });
    writeFileSync(path.join(folder, '001_users.up.sql'), THREE['001_users.up.sql'].replaceAll('\n', '\r\n'));
    expect(await migrateUp(pool, { folder })).toEqual([]);
  });

  it('a database that is newer than the code is refused', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    await migrateUp(pool, { folder });
    rmSync(path.join(folder, '010_orders.up.sql'));
    rmSync(path.join(folder, '010_orders.down.sql'));
    await expect(migrateUp(pool, { folder })).rejects.toThrow(
      /has migration 10 \(orders\), which this version of Pincex does not know/,
    );
  });

  it.each([
    [{ 'readme.txt': '' }, 'readme.txt is no NNN_name.up.sql'],
    [{ '1-a.up.sql': '' }, '1-a.up.sql is no NNN_name.up.sql'],
    [{ '001_a.up.sql': '', '1_b.up.sql': '' }, '1_b.up.sql and 001_a.up.sql have the same number'],
    [{ '001_a.up.sql': '', '002_b.down.sql': '' }, '002_b.down.sql has no 002_b.up.sql'],
  ])('a folder with ambiguous file names is refused: %j', async (files, message) => {
    const { pool } = await emptyDatabase();
    await expect(migrateUp(pool, { folder: migrationFolder(files) })).rejects.toThrow(message);
  });
});

describe('a statement that fails', () => {
  it('a failing statement is reported with its file, line and reason, and nothing of its file stays', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder({
      '001_a.up.sql': 'CREATE TABLE a (n int PRIMARY KEY);',
      '002_b.up.sql': 'CREATE TABLE b ();\n\n-- twice\nINSERT INTO a\n  VALUES (1), (1);\n',
    });
    await expect(migrateUp(pool, { folder })).rejects.toMatchObject({
      code: 'migration_failed',
      message:
        '002_b.up.sql, line 4: duplicate key value violates unique constraint "a_pkey" ' +
        'Key (n)=(1) already exists.\n  INSERT INTO a VALUES (1), (1)',
    });
    expect(await relations(pool)).toEqual(['a', 'schema_migrations']);

    writeFileSync(path.join(folder, '002_b.up.sql'), 'CREATE TABLE b ();');
    expect(versions(await migrateUp(pool, { folder }))).toEqual([2]);
  });

  it('a failing statement leaves the pool usable and the lock free', async () => {
    const { pool } = await emptyDatabase();
    const bad = migrationFolder({ '001_a.up.sql': 'nonsense;' });
    for (let i = 0; i < 10; i++)
      await expect(migrateUp(pool, { folder: bad })).rejects.toThrow(/syntax error/);
    expect(pool.idleCount).toBe(pool.totalCount);
    expect(await migrateUp(pool, { folder: migrationFolder(THREE) })).toHaveLength(3);
  });
});

describe('an index that is built without a transaction', () => {
  it('an index whose build failed half-way is dropped and built again, not taken for done', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder({
      '001_t.up.sql': 'CREATE TABLE t (n int, m int); INSERT INTO t VALUES (1, 1), (1, 2);',
      '002_i.up.sql':
        '-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_m ON t (m);\n' +
        '-- unique\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "t_n" ON t (n);\n',
    });
    await expect(migrateUp(pool, { folder })).rejects.toThrow(
      /^002_i\.up\.sql, line 4: could not create unique index/,
    );
    const validity = async () =>
      (
        await pool.query<{ name: string; indisvalid: boolean }>(
          `SELECT indexrelid::regclass::text AS name, indisvalid FROM pg_index WHERE indrelid = 't'::regclass ORDER BY 1`,
        )
      ).rows.map(({ name, indisvalid }) => `${name} ${indisvalid}`);
    expect(await validity()).toEqual(['t_m true', 't_n false']);

    // The cause is still there, so the second run must fail too.
    await expect(migrateUp(pool, { folder })).rejects.toThrow(/could not create unique index/);
    await pool.query('DELETE FROM t WHERE m = 2');
    expect(versions(await migrateUp(pool, { folder }))).toEqual([2]);
    expect(await validity()).toEqual(['t_m true', 't_n true']);
    await expect(pool.query('INSERT INTO t VALUES (1, 3)')).rejects.toThrow(/duplicate key/);
  });
});

describe('processes that migrate at once', () => {
  it('processes that migrate at once apply each file once, also in a database without migrations', async () => {
    const { pool } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    const results = await Promise.all([1, 2, 3, 4].map(() => migrateUp(pool, { folder })));
    expect(results.map((applied) => applied.length).sort()).toEqual([0, 0, 0, 3]);
    expect((await migrationStatus(pool, { folder })).every(({ state }) => state === 'applied')).toBe(true);
  });

  it('processes that wait for a migration hold no snapshot that its index build would wait for', async () => {
    const { pool, url } = await emptyDatabase();
    const folder = migrationFolder(THREE);
    await migrateUp(pool, { folder, to: 1 });
    const count = async (condition: string): Promise<number> => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${condition}`,
      );
      return rowCount ?? 0;
    };
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    onTestFinished(() => other.end());
    // An index build waits until all transactions that write to its table have ended.
    await other.query('BEGIN');
    await other.query(`INSERT INTO users VALUES (2, 'other')`);
    const first = migrateUp(pool, { folder });
    await until('the index build to wait', async () => {
      return (await count(`query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'`)) === 1;
    });
    const later = openPool(url);
    const others = [1, 2, 3].map(() => migrateUp(later, { folder }));
    await until('the others to ask for the lock', async () => {
      return (await count(`query LIKE '%advisory_lock(%'`)) === 3;
    });
    await other.query('COMMIT');
    expect(await first).toHaveLength(2);
    for (const applied of await Promise.all(others)) expect(applied).toEqual([]);
  });
});
