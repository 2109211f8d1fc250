import { describe, expect, it, onTestFinished } from 'vitest';
import { migratedIndexes } from '../../src/doctor/migratedIndexes.ts';
import { about, connected, examine, flushCounters, follow, found, patient } from './support.ts';

describe('the indexes that the doctor asks for', () => {
  it('are exactly those of a new database', async () => {
    const { client } = await patient();
    const { rows } = await client.query<{ name: string }>(
      `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'schema_migrations'`,
    );
    const names = (indexes: readonly { name: string }[]) => indexes.map(({ name }) => name).sort();
    expect(names(migratedIndexes())).toEqual(names(rows));
  });

  it('hurt where they are gone, and what the doctor says brings each of them back as it was', async () => {
    const { url, client } = await patient();
    const definitions = async () =>
      (
        await client.query<{ indexdef: string }>(
          `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname`,
        )
      ).rows;
    const before = await definitions();
    for (const { name, table } of migratedIndexes()) {
      await client.query(
        name.endsWith('_pkey')
          ? `ALTER TABLE ${table} DROP CONSTRAINT ${name} CASCADE`
          : `DROP INDEX ${name}`,
      );
    }
    const report = await examine(url);
    expect(report.ok).toBe(false);
    expect(found(report, 'indexes_there').sort()).toEqual(
      migratedIndexes()
        .map(({ name }) => `hurts index ${name}`)
        .sort(),
    );
    for (const { name } of migratedIndexes()) await follow(client, about(report, `index ${name}`));
    expect(await definitions()).toEqual(before);
    expect((await examine(url)).findings).toEqual([]);
  });

  it('hurt where they are not valid', async () => {
    const { url, client } = await patient();
    await client.query('DROP INDEX trades_order');
    await client.query(
      `INSERT INTO trades SELECT 'u', n::text, 'buy', 'o', 'BTC/USD', 1, 1, 1, 0, 'maker', now() FROM generate_series(1, 2) n`,
    );
    // Unique, so that it fails half-way and stays behind.
    await expect(
      client.query('CREATE UNIQUE INDEX CONCURRENTLY trades_order ON trades (order_id)'),
    ).rejects.toThrow();
    const report = await examine(url);
    expect(found(report, 'indexes_there')).toEqual(['hurts index trades_order']);
    expect(report.ok).toBe(false);
    await client.query('DELETE FROM trades');
    await follow(client, about(report, 'index trades_order'));
    expect((await examine(url)).findings).toEqual([]);
  });

  it('of others are to be dropped where they are not valid', async () => {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO trades SELECT 'u', n::text, 'buy', 'o', 'BTC/USD', 1, 1, 1, 0, 'maker', now() FROM generate_series(1, 2) n`,
    );
    await expect(client.query('CREATE UNIQUE INDEX CONCURRENTLY mine ON trades (symbol)')).rejects.toThrow();
    const report = await examine(url);
    expect(found(report, 'indexes_there')).toEqual(['advice index mine']);
    expect(report.ok).toBe(true);
    await follow(client, about(report, 'index mine'));
    expect((await examine(url)).findings).toEqual([]);
  });

  it('are not called broken while they are being built', async () => {
    const { url, client } = await patient();
    const holder = await connected(url);
    await holder.query('BEGIN; LOCK trades IN ROW EXCLUSIVE MODE');
    await client.query('DROP INDEX IF EXISTS mine');
    const building = client.query('CREATE INDEX CONCURRENTLY mine ON trades (symbol)');
    onTestFinished(async () => {
      await holder.query('ROLLBACK');
      await building;
    });
    await expect
      .poll(async () => (await holder.query(`SELECT FROM pg_class WHERE relname = 'mine'`)).rowCount)
      .toBe(1);
    expect(found(await examine(url), 'indexes_there')).toEqual([]);
  });
});

describe('an index that was added', () => {
  it.each([
    ['the same as one of ours', 'CREATE INDEX mine ON trades (order_id)', 'repeats trades_order'],
    ['the beginning of one of ours', 'CREATE INDEX mine ON trades (user_id)', 'repeats the beginning of'],
    [
      'a unique one that is the primary key',
      'CREATE UNIQUE INDEX mine ON holds (user_id, order_id, currency)',
      'repeats holds_pkey',
    ],
    [
      'a constraint that is the primary key',
      'ALTER TABLE operations ADD CONSTRAINT mine UNIQUE (user_id, id)',
      'repeats operations_pkey',
    ],
  ])('is advised against: %s', async (_, statement, says) => {
    const { url, client } = await patient();
    await client.query(statement);
    const report = await examine(url);
    expect(found(report, 'indexes_distinct')).toEqual(['advice index mine']);
    expect(about(report, 'index mine').message).toContain(says);
    expect(report.ok).toBe(true);
    await follow(client, about(report, 'index mine'));
    expect((await examine(url)).findings).toEqual([]);
  });

  it('twice is advised against once', async () => {
    const { url, client } = await patient();
    await client.query(
      'CREATE INDEX one ON journal (operation_id); CREATE INDEX two ON journal (operation_id)',
    );
    const report = await examine(url);
    expect(found(report, 'indexes_distinct')).toHaveLength(1);
    await follow(client, report.findings[0]!);
    expect((await examine(url)).findings).toEqual([]);
  });

  it.each([
    'CREATE INDEX mine ON trades (order_id DESC)',
    `CREATE INDEX mine ON trades (order_id) WHERE fee > 0`,
    'CREATE INDEX mine ON trades (order_id, executed_at)',
    'CREATE INDEX mine ON trades (order_id) INCLUDE (fee)',
    'CREATE INDEX mine ON trades USING hash (order_id)',
    'CREATE UNIQUE INDEX mine ON holds (user_id, order_id)',
    'CREATE INDEX mine ON trades (order_id COLLATE "POSIX")',
    'CREATE INDEX mine ON trades (order_id text_pattern_ops)',
  ])('is left alone where it does what no other does: %s', async (statement) => {
    const { url, client } = await patient();
    await client.query(statement);
    expect((await examine(url)).findings).toEqual([]);
  });

  it('and that nothing used is advised against, once the counters are old and the table was busy', async () => {
    const { url, client } = await patient();
    await client.query('CREATE INDEX used ON trades (liquidity); CREATE INDEX unused ON trades (fee)');
    await client.query('CREATE UNIQUE INDEX promised ON trades (executed_at, id, side)');
    await client.query(
      `INSERT INTO trades SELECT 'u', n::text, 'buy', 'o', 'BTC/USD', 1, 1, 1, 0, 'maker', now() FROM generate_series(1, 500) n`,
    );
    await client.query(`SET enable_seqscan = off; SELECT count(*) FROM trades WHERE liquidity = 'taker'`);
    await flushCounters(client);
    const busy = { unusedRows: 500 };
    expect(found(await examine(url, { thresholds: busy }), 'indexes_used')).toEqual([]);
    expect(found(await examine(url, { thresholds: { unusedForMs: 0 } }), 'indexes_used')).toEqual([]);
    const report = await examine(url, { thresholds: { ...busy, unusedForMs: 0 } });
    expect(found(report, 'indexes_used')).toEqual(['advice index unused']);
    await follow(client, about(report, 'index unused'));
    expect(found(await examine(url, { thresholds: { ...busy, unusedForMs: 0 } }), 'indexes_used')).toEqual(
      [],
    );
  });
});
