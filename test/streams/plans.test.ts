import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { configOf } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';
import { STREAMED, take, type Streamed } from './tables.ts';

/**
 * Each page is read by the primary key, whatever the statistics say: sorted out of another index, a page would cost
 * as much as the table. Ids are long here, which makes the primary key dear and another index tempting.
 */

const LONG = `'-0123456789abcdef0123456789abcdef'`;

/** Makes a database for `work`; `grow` adds rows to each table, on a connection beside Pincex. */
async function withTables(
  work: (url: string, client: pg.Client, grow: (from: number, to: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    for (const { name } of STREAMED) await client.query(`ALTER TABLE ${name} SET (autovacuum_enabled = off)`);
    await work(database.url, client, async (from, to) => {
      for (const { seed } of STREAMED) {
        await client.query(seed.replaceAll(`-' || n`, `' || ${LONG} || n`), [from, to]);
      }
    });
  } finally {
    await client.end();
    await database.drop();
  }
}

/** The pool has one connection, so that its plans are those of the streams: the driver prepares a statement once. */
function open(url: string): Promise<Pincex> {
  return Pincex.open({ config: configOf(url, { PINCEX_DATABASE_POOL_MAX: '1' }) });
}

async function expectPrimaryKeys(pincex: Pincex): Promise<void> {
  for (const streamed of STREAMED) await take(streamed.open(pincex), 1);
  for (const streamed of STREAMED) expect(await planOf(pincex, streamed)).toEqual(byPrimaryKey(streamed));
}

/** The plan that the connection of the streams keeps. */
function planOf(pincex: Pincex, { name, key }: Streamed): Promise<string[]> {
  const values = key.split(', ').map((column) => (column === 'version' ? '1' : `'m'`));
  return pincex.transaction(async ({ client }) => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (COSTS OFF) EXECUTE "stream-${name}"(${values.join(', ')})`,
    );
    return rows.map((row) => row['QUERY PLAN'].trim());
  });
}

function byPrimaryKey({ name, key }: Streamed): string[] {
  const values = key.split(', ').map((_, n) => `$${n + 1}`);
  return [
    'Limit',
    `->  Index Scan using ${name}_pkey on ${name} ${name.slice(0, 1)}`,
    `Index Cond: (ROW(${key}) > ROW(${values.join(', ')}))`,
  ];
}

describe('the plan of a page', () => {
  it('pages of new tables are read by the primary key, also as the tables grow, before and after ANALYZE', () =>
    withTables(async (url, client, grow) => {
      const pincex = await open(url);
      try {
        await expectPrimaryKeys(pincex);
        let rows = 0;
        for (const size of [100, 1_000, 10_000, 30_000]) {
          await grow(rows + 1, size);
          rows = size;
          await expectPrimaryKeys(pincex);
          // Another connection plans by the present size of the tables.
          const fresh = await open(url);
          await expectPrimaryKeys(fresh);
          await fresh.close();
        }
        await client.query('ANALYZE');
        await expectPrimaryKeys(pincex);
      } finally {
        await pincex.close();
      }
    }));

  it.each(['ANALYZE', 'VACUUM ANALYZE'])(
    'pages of tables that %s saw empty are read by the primary key',
    (statement) =>
      withTables(async (url, client, grow) => {
        await client.query(statement);
        const pincex = await open(url);
        try {
          await expectPrimaryKeys(pincex);
          await grow(1, 10_000);
          await expectPrimaryKeys(pincex);
        } finally {
          await pincex.close();
        }
      }),
  );
});
