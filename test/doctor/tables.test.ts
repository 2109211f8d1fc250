import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/index.ts';
import { about, examine, flushCounters, follow, found, patient, usePatient } from './support.ts';

/** Bounds that a test can reach; the time that autovacuum has is over at once. */
const small = { deadRows: 100, updates: 100, analyzedRows: 500, vacuumLagMs: 0 };

async function fill(client: pg.Client, rows: number): Promise<void> {
  // So that it is the doctor who says it, and not autovacuum who mends it meanwhile.
  await client.query(`ALTER TABLE accounts SET (autovacuum_enabled = false)`);
  await client.query(
    `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
     SELECT n::text, 'USD', 1, 1, now(), now() FROM generate_series(1, $1) AS n`,
    [rows],
  );
  await flushCounters(client);
}

async function move(client: pg.Client, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    await client.query('UPDATE accounts SET available = available + 1, version = version + 1');
  }
  await flushCounters(client);
}

describe('dead rows', () => {
  it('hurt where they outnumber the others and vacuum does not come; the remedy removes them', async () => {
    const { url, client } = await patient();
    await fill(client, 300);
    const old = await client.query('DELETE FROM accounts WHERE version = 1');
    expect(old.rowCount).toBe(300);
    await flushCounters(client);
    const report = await examine(url, { thresholds: small });
    expect(found(report, 'dead_rows')).toEqual(['hurts table accounts']);
    expect(about(report, 'table accounts').message).toContain('300 dead rows beside 0 live ones');
    await follow(client, about(report, 'table accounts'));
    expect(found(await examine(url, { thresholds: small }), 'dead_rows')).toEqual([]);
  });

  it('are advised against where they are many, and not where vacuum had no time yet', async () => {
    const { url, client } = await patient();
    await fill(client, 300);
    await client.query(`DELETE FROM accounts WHERE user_id::int <= 140`);
    await flushCounters(client);
    expect(found(await examine(url, { thresholds: small }), 'dead_rows')).toEqual(['advice table accounts']);
    // The database is a copy, of which the schema may be as old as the run of the tests.
    const vacuumLagMs = 24 * 3_600_000;
    expect(found(await examine(url, { thresholds: { ...small, vacuumLagMs } }), 'dead_rows')).toEqual([]);
    expect(found(await examine(url), 'dead_rows')).toEqual([]);
  });
});

describe('updates of accounts', () => {
  describe('and an index that holds a balance:', () => {
    const patient = usePatient();
    const rich = 'CREATE INDEX rich ON accounts (available)';

    it('they are HOT without it', async () => {
      await fill(patient.client, 50);
      await move(patient.client, 10);
      expect(found(await examine(patient.url, { thresholds: small }), 'hot_updates')).toEqual([]);
    });

    it('it is advised against before it has done harm', async () => {
      await patient.client.query(rich);
      const report = await examine(patient.url);
      expect(found(report, 'hot_updates')).toEqual(['advice index rich']);
      expect(report.ok).toBe(true);
    });

    it('it hurts once they are not HOT any more, and they are again once the remedy has dropped it', async () => {
      const { url, client } = patient;
      await move(client, 40);
      const report = await examine(url, { thresholds: small });
      expect(found(report, 'hot_updates')).toEqual(['hurts index rich']);
      expect(about(report, 'index rich').message).toMatch(
        /^holds available, .*; \d+% of 2,500 updates were HOT$/,
      );
      expect(report.ok).toBe(false);
      await follow(client, about(report, 'index rich'));
      await move(client, 10);
      expect(found(await examine(url, { thresholds: small }), 'hot_updates')).toEqual([]);
    });
  });

  describe('are advised for as soon as an index holds what moves:', () => {
    const indexes = {
      included: 'INDEX included ON accounts (user_id, currency) INCLUDE (balance)',
      partial: 'INDEX partial ON accounts (user_id) WHERE locked > 0',
      computed: 'INDEX computed ON accounts ((available * 2))',
    };
    const patient = usePatient();
    let report: DoctorReport;
    beforeAll(async () => {
      for (const index of Object.values(indexes)) await patient.client.query(`CREATE ${index}`);
      report = await examine(patient.url);
    });

    it.each(Object.entries(indexes))('%s', (name) => {
      expect(found(report, 'hot_updates')).toContain(`advice index ${name}`);
    });

    it('nothing else is found of them', () => {
      expect(found(report, 'hot_updates')).toHaveLength(Object.keys(indexes).length);
    });
  });

  it('are cold in pages without room, which is advised against with a way to make some', async () => {
    const { url, client } = await patient();
    await client.query('ALTER TABLE accounts SET (fillfactor = 100)');
    await fill(client, 1_000);
    await move(client, 1);
    const report = await examine(url, { thresholds: small });
    const finding = about(report, 'table accounts', 'hot_updates');
    expect(finding).toMatchObject({
      severity: 'advice',
      message: '0% of 1,000 updates were HOT; its fillfactor is 100',
    });
    await follow(client, finding);
    // As batches do: not all rows of a page at once.
    await client.query('UPDATE accounts SET version = version + 1 WHERE user_id::int % 5 = 0');
    await flushCounters(client);
    expect(found(await examine(url, { thresholds: small }), 'hot_updates')).toEqual([]);
  });
});

it('a large table that was never analyzed is advised against, until it is', async () => {
  const { url, client } = await patient();
  await fill(client, 600);
  const report = await examine(url, { thresholds: small });
  expect(found(report, 'table_statistics')).toEqual(['advice table accounts']);
  await follow(client, about(report, 'table accounts'));
  expect(found(await examine(url, { thresholds: small }), 'table_statistics')).toEqual([]);
});
