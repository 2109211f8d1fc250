import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/index.ts';
import { about, examine, flushCounters, follow, found, patient, usePatient } from './support.ts';

/** Thresholds that a test can reach; the time that autovacuum is given is over at once. */
const small = { deadRows: 100, updates: 100, analyzedRows: 500, vacuumLagMs: 0 };

async function fill(client: pg.Client, rows: number): Promise<void> {
  // Autovacuum is off, so that it does not clean up before the doctor looks.
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
  it('dead rows that outnumber live ones are reported as hurting when vacuum is late, and the remedy removes them', async () => {
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

  it('many dead rows are reported as advice, unless vacuum has had no time yet', async () => {
    const { url, client } = await patient();
    await fill(client, 300);
    await client.query(`DELETE FROM accounts WHERE user_id::int <= 140`);
    await flushCounters(client);
    expect(found(await examine(url, { thresholds: small }), 'dead_rows')).toEqual(['advice table accounts']);
    // The database is a copy of a template, so its schema may be as old as the test run.
    const vacuumLagMs = 24 * 3_600_000;
    expect(found(await examine(url, { thresholds: { ...small, vacuumLagMs } }), 'dead_rows')).toEqual([]);
    expect(found(await examine(url), 'dead_rows')).toEqual([]);
  });
});

describe('HOT updates of accounts', () => {
  describe('an index on a balance', () => {
    const patient = usePatient();
    const rich = 'CREATE INDEX rich ON accounts (available)';

    it('updates of accounts are HOT without an index on a balance', async () => {
      await fill(patient.client, 50);
      await move(patient.client, 10);
      expect(found(await examine(patient.url, { thresholds: small }), 'hot_updates')).toEqual([]);
    });

    it('an index on a balance is reported as advice before it does harm', async () => {
      await patient.client.query(rich);
      const report = await examine(patient.url);
      expect(found(report, 'hot_updates')).toEqual(['advice index rich']);
      expect(report.ok).toBe(true);
    });

    it('an index on a balance is reported as hurting once updates are no longer HOT, and the remedy makes them HOT again', async () => {
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

  describe('an index that depends on a balance', () => {
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

    it.each(Object.entries(indexes))(
      'an index that depends on a balance is reported as advice: %s',
      (name) => {
        expect(found(report, 'hot_updates')).toContain(`advice index ${name}`);
      },
    );

    it('indexes that depend on a balance cause one finding each', () => {
      expect(found(report, 'hot_updates')).toHaveLength(Object.keys(indexes).length);
    });
  });

  it('updates that find no room in their page are reported as advice, and the remedy makes room', async () => {
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
    // A batch, too, never updates all rows of a page at once.
    await client.query('UPDATE accounts SET version = version + 1 WHERE user_id::int % 5 = 0');
    await flushCounters(client);
    expect(found(await examine(url, { thresholds: small }), 'hot_updates')).toEqual([]);
  });
});

it('a large table that was never analyzed is reported as advice until it is analyzed', async () => {
  const { url, client } = await patient();
  await fill(client, 600);
  const report = await examine(url, { thresholds: small });
  expect(found(report, 'table_statistics')).toEqual(['advice table accounts']);
  await follow(client, about(report, 'table accounts'));
  expect(found(await examine(url, { thresholds: small }), 'table_statistics')).toEqual([]);
});
