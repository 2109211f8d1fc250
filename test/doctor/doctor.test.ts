import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { generateDay } from '../../src/demo/generator.ts';
import { checks } from '../../src/doctor/doctor.ts';
import { thresholds } from '../../src/doctor/thresholds.ts';
import { defaultFolder, readMigrations } from '../../src/migrations/files.ts';
import { migrateDown } from '../../src/migrations/runner.ts';
import { replay } from '../../src/replay/replay.ts';
import { isLong, openBooks } from '../support/books.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { until } from '../support/waiting.ts';
import { about, connected, examine, found, opened, patient, usePatient } from './support.ts';

const healthy = { ok: true, findings: [], checks: checks.map(({ name }) => name) };

describe('a healthy system', () => {
  it('a new database has no findings, with and without query hints, asked by URL and through Pincex', async () => {
    const { url } = await patient();
    expect(await examine(url)).toEqual(healthy);
    expect(await examine(url, { queryHints: false })).toEqual(healthy);
    const pincex = await opened(url);
    expect(await pincex.doctor()).toEqual(healthy);
  });

  /** The events of a day; the thresholds are as far below the usual ones as the day is shorter than in the long form. */
  const [events, bounds] = isLong
    ? [15_000, thresholds]
    : [3_000, { ...thresholds, plannedRows: thresholds.plannedRows / 10, updates: thresholds.updates / 5 }];

  it('a day of an exchange causes no findings, neither while it runs nor afterwards, analyzed or not', async () => {
    const { url, client } = await patient();
    const pincex = await openBooks(url);
    await replay(pincex, generateDay({ events, seed: 3, messy: 0.01 }), {
      batch: 100,
      users: 1_000,
      funding: 'tight',
      symbol: 'BTC/USD',
      statements: () => 0,
      onProgress: () => undefined,
    });
    expect(await pincex.doctor()).toEqual(healthy);
    expect((await pincex.audit()).ok).toBe(true);
    await pincex.close();
    // A connection reports its counters when it ends.
    await until('enough updates to judge', async () => (await updatesOfAccounts(client)) > bounds.updates);
    expect(await examine(url, { thresholds: bounds })).toEqual(healthy);
    await client.query('VACUUM ANALYZE');
    expect(await examine(url, { thresholds: bounds })).toEqual(healthy);
  });

  async function updatesOfAccounts(client: pg.Client): Promise<number> {
    const { rows } = await client.query<{ updates: number }>(
      `SELECT n_tup_upd::int AS updates FROM pg_stat_user_tables WHERE relname = 'accounts'`,
    );
    return rows[0]!.updates;
  }
});

it('the doctor writes nothing: it works where transactions are read-only', async () => {
  const { url, client } = await patient();
  await client.query(
    `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$`,
  );
  expect(await examine(url)).toEqual(healthy);
});

describe('the version of the schema', () => {
  it('missing migrations are reported as hurting, and checks that need their tables are not made', async () => {
    const { url, client } = await patient();
    await migrateDown(client, { to: 5, dropData: new URL(url).pathname.slice(1) });
    const report = await examine(url);
    const missing = readMigrations(defaultFolder).filter(({ version }) => version > 5);
    expect(found(report, 'migrations')).toEqual(
      missing.map(({ version, name }) => `hurts migration ${version} (${name})`),
    );
    expect(about(report, 'migration 7 (processes)').remedy).toBe('Run "pincex migrate up"');
    expect(found(report, 'indexes_there')).toContain('hurts index orders_book');
    expect(report.checks).toContain('durability');
    expect(report.checks).not.toContain('plans');
  });

  it('an empty database is reported as lacking its migrations', async () => {
    const empty = await createEmptyDatabase();
    onTestFinished(() => empty.drop());
    const report = await examine(empty.url);
    expect(report.ok).toBe(false);
    expect(found(report, 'migrations').length).toBeGreaterThan(5);
  });

  it('a schema newer than this Pincex is reported, and the remedy asks for a newer version', async () => {
    const { url, client } = await patient();
    await client.query(`INSERT INTO schema_migrations VALUES (999, 'later', 'x')`);
    expect(about(await examine(url), 'migration 999 (later)').remedy).toContain('newer version');
  });
});

describe('a check that PostgreSQL refuses', () => {
  describe('grants of the user that Pincex runs as', () => {
    const owner = usePatient();
    const role = `doctor_test_${process.pid}`;
    const theirs = () => Object.assign(new URL(owner.url), { username: role, password: 'x' }).href;
    beforeAll(async () => {
      await owner.client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    });
    afterAll(async () => {
      await owner.client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    });
    beforeEach(async () => {
      await owner.client.query(
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`,
      );
    });

    it('a user with all grants that Pincex needs causes no findings', async () => {
      expect(await examine(theirs())).toEqual(healthy);
      const pincex = await opened(theirs());
      expect(await pincex.doctor()).toEqual(healthy);
    });

    it('a statement that cannot be planned for lack of a grant is reported', async () => {
      // This is the state after a migration that made the table, when the grant was not given again.
      await owner.client.query(`REVOKE INSERT ON processes FROM ${role}`);
      expect(about(await examine(theirs()), 'statement write-process').message).toBe(
        'cannot be planned: permission denied for table processes',
      );
    });

    it('a check that cannot be made for lack of a grant is reported, and the other checks are made', async () => {
      await owner.client.query(`REVOKE ALL ON processes FROM ${role}`);
      const report = await examine(theirs());
      expect(report.checks).toEqual(healthy.checks);
      expect(about(report, 'check pool')).toMatchObject({
        severity: 'hurts',
        message: 'could not be made: permission denied for table processes',
        remedy: expect.stringContaining('Grant') as string,
      });
    });
  });

  it('a check that a table lock blocks gives up after lockMs and is reported', async () => {
    const { url } = await patient();
    const holder = await connected(url);
    await holder.query('BEGIN; LOCK trades IN ACCESS EXCLUSIVE MODE');
    expect(thresholds.lockMs).toBe(1_000);
    const report = await examine(url, { thresholds: { lockMs: 50 } });
    expect(found(report, 'plans')).toEqual(['hurts check plans']);
    expect(about(report, 'check plans').remedy).toContain('pg_locks');
    await holder.query('ROLLBACK');
    expect(await examine(url)).toEqual(healthy);
  });

  it('a database that cannot be reached fails the doctor with database_unavailable', async () => {
    await expect(examine('postgres://x:secret@127.0.0.1:1/none')).rejects.toMatchObject({
      code: 'database_unavailable',
    });
  });
});
