import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { DoctorReport } from '../../src/index.ts';
import { migratedIndexes } from '../../src/doctor/migratedIndexes.ts';
import { until } from '../support/waiting.ts';
import { about, connected, examine, flushCounters, follow, found, patient, usePatient } from './support.ts';

const tradesOfOneOrder = (count: number) =>
  `INSERT INTO trades
   SELECT 'u', n::text, 'buy', 'o', 'BTC/USD', 1, 1, 1, 0, 'maker', now() FROM generate_series(1, ${count}) n`;

describe('the indexes of the migrations', () => {
  it('the doctor expects exactly the indexes of a new database', async () => {
    const { client } = await patient();
    const { rows } = await client.query<{ name: string }>(
      `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'schema_migrations'`,
    );
    const names = (indexes: readonly { name: string }[]) => indexes.map(({ name }) => name).sort();
    expect(names(migratedIndexes())).toEqual(names(rows));
  });

  it('a missing index is reported as hurting, and the remedy restores it as it was', async () => {
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

  it('an invalid index is reported as hurting, and the remedy builds it anew', async () => {
    const { url, client } = await patient();
    await client.query('DROP INDEX trades_order');
    await client.query(tradesOfOneOrder(2));
    // The index is unique over duplicates, so its build fails half-way and leaves an invalid index behind.
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

  it('an invalid index that does not come from a migration is reported as advice', async () => {
    const { url, client } = await patient();
    await client.query(tradesOfOneOrder(2));
    await expect(client.query('CREATE UNIQUE INDEX CONCURRENTLY mine ON trades (symbol)')).rejects.toThrow();
    const report = await examine(url);
    expect(found(report, 'indexes_there')).toEqual(['advice index mine']);
    expect(report.ok).toBe(true);
    await follow(client, about(report, 'index mine'));
    expect((await examine(url)).findings).toEqual([]);
  });

  it('an index that another session is still building is not reported as broken', async () => {
    const { url, client } = await patient();
    const holder = await connected(url);
    await holder.query('BEGIN; LOCK trades IN ROW EXCLUSIVE MODE');
    const building = client.query('CREATE INDEX CONCURRENTLY mine ON trades (symbol)');
    onTestFinished(async () => {
      await holder.query('ROLLBACK');
      await building;
    });
    await until('the index to be begun', async () => {
      const begun = await holder.query(`SELECT FROM pg_class WHERE relname = 'mine'`);
      return begun.rowCount === 1;
    });
    expect(found(await examine(url), 'indexes_there')).toEqual([]);
  });
});

describe('added indexes', () => {
  describe('an index that repeats another', () => {
    const statements = {
      same: `CREATE INDEX same ON trades (order_id, user_id) WHERE order_id > ''`,
      beginning: 'CREATE INDEX beginning ON trades (user_id)',
      unique_one: 'CREATE UNIQUE INDEX unique_one ON holds (user_id, order_id, currency)',
      promise: 'ALTER TABLE operations ADD CONSTRAINT promise UNIQUE (user_id, kind, id)',
    };
    const patient = usePatient();
    let report: DoctorReport;
    beforeAll(async () => {
      await patient.client.query(Object.values(statements).join('; '));
      report = await examine(patient.url);
    });

    it.each([
      ['an index of the migrations', 'same', 'repeats trades_order'],
      ['the beginning of an index of the migrations', 'beginning', 'repeats the beginning of'],
      ['a primary key as a unique index', 'unique_one', 'repeats holds_pkey'],
      ['a primary key as a constraint', 'promise', 'repeats operations_pkey'],
    ])('an index that repeats %s is reported as advice', (_, name, says) => {
      expect(about(report, `index ${name}`)).toMatchObject({
        check: 'indexes_distinct',
        severity: 'advice',
        message: expect.stringContaining(says) as string,
      });
    });

    it('the remedies for repeated indexes drop these and no others', async () => {
      expect(report.findings).toHaveLength(Object.keys(statements).length);
      expect(report.ok).toBe(true);
      for (const finding of report.findings) await follow(patient.client, finding);
      expect((await examine(patient.url)).findings).toEqual([]);
    });
  });

  it('only one of two equal added indexes is reported', async () => {
    const { url, client } = await patient();
    await client.query(
      'CREATE INDEX one ON journal (operation_id); CREATE INDEX two ON journal (operation_id)',
    );
    const report = await examine(url);
    expect(found(report, 'indexes_distinct')).toHaveLength(1);
    await follow(client, report.findings[0]!);
    expect((await examine(url)).findings).toEqual([]);
  });

  describe('an index that no other index can replace', () => {
    const indexes = {
      descending: 'INDEX descending ON trades (order_id DESC)',
      partial: 'INDEX partial ON trades (order_id) WHERE fee > 0',
      longer: 'INDEX longer ON trades (order_id, executed_at)',
      covering: 'INDEX covering ON trades (order_id) INCLUDE (fee)',
      hashed: 'INDEX hashed ON trades USING hash (order_id)',
      promising: 'UNIQUE INDEX promising ON holds (user_id, order_id)',
      collated: 'INDEX collated ON trades (order_id COLLATE "POSIX")',
      patterned: 'INDEX patterned ON trades (order_id text_pattern_ops)',
    };
    const patient = usePatient();
    let report: DoctorReport;
    beforeAll(async () => {
      await patient.client.query(
        Object.values(indexes)
          .map((index) => `CREATE ${index}`)
          .join('; '),
      );
      report = await examine(patient.url);
    });

    it.each(Object.entries(indexes))(
      'an added index that no other index can replace is not reported: %s',
      (name) => {
        const findings = report.findings.filter(({ subject, message }) =>
          [subject, message].some((text) => text.includes(name)),
        );
        expect(findings).toEqual([]);
      },
    );

    it('added indexes that no other index can replace cause no findings of any kind', () => {
      expect(report.findings).toEqual([]);
    });
  });

  it('an unused index is reported as advice once the counters are old and the table was busy', async () => {
    const { url, client } = await patient();
    await client.query('CREATE INDEX used ON trades (liquidity); CREATE INDEX unused ON trades (fee)');
    await client.query('CREATE UNIQUE INDEX promised ON trades (executed_at, id, side)');
    await client.query(tradesOfOneOrder(500));
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
