import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { diagnose } from '../../src/doctor/doctor.ts';
import { withClient } from '../../src/database/client.ts';
import { Database } from '../../src/database/database.ts';
import { Pincex } from '../../src/index.ts';
import { migrateUp } from '../../src/migrations/runner.ts';
import { setEnvironment } from '../support/environment.ts';
import { configOf, expectApplied, expectBalanced } from '../support/books.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { migrationFolder } from '../migrations/support.ts';

/** Settings of a role or a database do not change what Pincex reads and writes. */

/** A connection that Pincex has not set up: it has the settings of the role, the database and the environment. */
async function onForeignClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function setOnDatabase(
  { url }: TestDatabase,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await withClient(url, async (client) => {
    for (const [setting, value] of Object.entries(settings)) {
      await client.query(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
    }
  });
}

function withOptions(url: string, options: string): string {
  const own = new URL(url);
  own.searchParams.set('options', options);
  return own.href;
}

describe('a database with settings of its own', () => {
  it('a database with settings that change the meaning of values is read and written as any other', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    await setOnDatabase(database, {
      array_nulls: 'off',
      client_encoding: 'LATIN1',
      standard_conforming_strings: 'off',
      transform_null_equals: 'on',
      TimeZone: 'Asia/Kathmandu',
      DateStyle: 'German',
      lock_timeout: '1ms',
    });
    const pincex = await Pincex.open({ config: configOf(database.url) });
    onTestFinished(() => pincex.close());
    const deposit = { id: 'd€', userId: 'Zoë', currency: 'USD', amount: '10' };
    expectApplied(await pincex.bookkeeper.batchDeposit([deposit, { ...deposit, id: 'e', reference: 'r' }]));
    await withClient(database.url, async (client) => {
      await client.query(`SET client_encoding = 'UTF8'`);
      const { rows } = await client.query('SELECT id, user_id, reference FROM transactions ORDER BY id');
      expect(rows).toEqual([
        { id: 'd€', user_id: 'Zoë', reference: null },
        { id: 'e', user_id: 'Zoë', reference: 'r' },
      ]);
    });
    expect(await pincex.bookkeeper.getAccount('Zoë', 'USD')).toMatchObject({ available: '20' });
    await expectBalanced(pincex);
  });

  it('a database with statement and lock timeouts is migrated and audited without them', async () => {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    await setOnDatabase(database, { statement_timeout: '1h', lock_timeout: '1h' });
    const bounds = `SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') AS bounds`;
    await onForeignClient(database.url, async (client) => {
      const folder = migrationFolder({ '001_seen.up.sql': `CREATE TABLE seen AS ${bounds};` });
      await migrateUp(client, { folder });
      expect((await client.query('TABLE seen')).rows).toEqual([{ bounds: '0 0' }]);
      expect((await client.query(bounds)).rows).toEqual([{ bounds: '1h 1h' }]);
    });
    const pool = new Database({
      url: database.url,
      ...configOf(database.url).database.pool,
      queryHints: true,
    });
    onTestFinished(() => pool.close());
    const { rows } = await pool.snapshot((client) => client.query(bounds));
    expect(rows).toEqual([{ bounds: '0 0' }]);
    expect(await pool.query({ name: 'bounds', text: bounds })).toEqual([{ bounds: '1min 0' }]);
  });
});

describe('a schema other than public', () => {
  const refusal = (where: string) => ({
    code: 'database_refused',
    retryable: false,
    message: expect.stringMatching(
      new RegExp(
        `^This connection ${where}, and Pincex knows its tables in public only: let search_path begin`,
      ),
    ) as string,
  });

  it.each([
    ['that exists', 'CREATE SCHEMA books', 'books, public', 'works in the schema "books"'],
    [
      'named as the user',
      'CREATE SCHEMA AUTHORIZATION CURRENT_USER',
      '"$user", public',
      'works in the schema ".*"',
    ],
    ['that does not exist', 'SELECT', 'nowhere', 'has no schema that it may use'],
  ])('a schema %s is refused, and no table is created in it', async (_, prepare, searchPath, where) => {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    await withClient(database.url, async (client) => {
      await client.query(prepare);
      const name = new URL(database.url).pathname.slice(1);
      await client.query(`ALTER DATABASE ${name} SET search_path = ${searchPath}`);
    });
    await expect(withClient(database.url, migrateUp)).rejects.toMatchObject(refusal(where));
    await expect(Pincex.open({ config: configOf(database.url) })).rejects.toMatchObject(refusal(where));
    await expect(diagnose({ url: database.url, queryHints: true, readUrl: null })).rejects.toMatchObject(
      refusal(where),
    );
    await onForeignClient(database.url, async (client) => {
      const made = await client.query(`SELECT FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'`);
      expect(made.rowCount).toBe(0);
    });
  });

  it('a schema after public in search_path stays there for the statements of callers', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const url = withOptions(database.url, '-c search_path=public,pg_catalog,information_schema');
    const pincex = await Pincex.open({ config: configOf(url) });
    onTestFinished(() => pincex.close());
    const { rows } = await pincex.transaction((tx) => tx.client.query('SHOW search_path'));
    expect(rows).toEqual([{ search_path: 'public,pg_catalog,information_schema' }]);
  });

  it('a schema that is set while the pool is open is refused on the next connection', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const pincex = await Pincex.open({ config: configOf(database.url) });
    onTestFinished(() => pincex.close());
    await setOnDatabase(database, { search_path: 'nowhere' });
    const twoAtOnce = pincex.transaction(() => pincex.transaction(() => Promise.resolve()));
    await expect(twoAtOnce).rejects.toMatchObject(refusal('has no schema that it may use'));
  });

  it('a schema in the options of the URL or in PGOPTIONS is refused', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const options = '-c search_path=nowhere';
    await expect(Pincex.open({ config: configOf(withOptions(database.url, options)) })).rejects.toMatchObject(
      refusal('has no schema that it may use'),
    );
    setEnvironment({ PGOPTIONS: options });
    const bare = new URL(database.url);
    bare.search = '';
    await expect(Pincex.open({ config: configOf(bare.href) })).rejects.toMatchObject(
      refusal('has no schema that it may use'),
    );
  });
});

it('a database whose encoding is not UTF-8 is refused before anything is migrated', async () => {
  const database = await createEmptyDatabase();
  const name = `${new URL(database.url).pathname.slice(1)}_latin`;
  await withClient(database.url, async (client) => {
    await client.query(`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
  });
  onTestFinished(async () => {
    await withClient(database.url, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
    await database.drop();
  });
  const latin = new URL(database.url);
  latin.pathname = name;
  await withClient(latin.href, async (client) => {
    await expect(migrateUp(client)).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringContaining('The encoding of this database is LATIN1') as string,
    });
    expect((await client.query(`SELECT FROM pg_tables WHERE schemaname = 'public'`)).rowCount).toBe(0);
  });
});
