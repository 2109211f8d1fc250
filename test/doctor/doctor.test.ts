import { describe, expect, it } from 'vitest';
import { generateDay } from '../../src/demo/generator.ts';
import { checks } from '../../src/doctor/doctor.ts';
import { loadConfig, Pincex } from '../../src/index.ts';
import { migrateDown } from '../../src/migrations/runner.ts';
import { replay } from '../../src/replay/replay.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { about, connected, examine, found, opened, patient } from './support.ts';

const healthy = { ok: true, findings: [], checks: checks.map(({ name }) => name) };

describe('a healthy system has no findings', () => {
  it('when it is new, for everybody who asks', async () => {
    const { url } = await patient();
    expect(await examine(url)).toEqual(healthy);
    expect(await examine(url, { queryHints: false })).toEqual(healthy);
    const pincex = await opened(url);
    expect(await pincex.doctor()).toEqual(healthy);
  });

  it('during and after a day of an exchange, analyzed or not', async () => {
    const { url, client } = await patient();
    const pincex = await opened(url);
    await replay(pincex, generateDay({ events: 15_000, seed: 3, messy: 0.01 }), {
      batch: 100,
      users: 1_000,
      funding: 'tight',
      symbol: 'BTC/USD',
      statements: () => 0,
      onProgress: () => undefined,
    });
    expect(await pincex.doctor()).toEqual(healthy);
    await client.query('VACUUM ANALYZE');
    expect(await pincex.doctor()).toEqual(healthy);
    expect((await pincex.audit()).ok).toBe(true);
  });
});

it('it writes nothing', async () => {
  const { url, client } = await patient();
  await client.query(
    `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$`,
  );
  expect(await examine(url)).toEqual(healthy);
});

describe('a schema that is behind', () => {
  it('hurts, and is all that can be said besides what needs no tables', async () => {
    const { url, client } = await patient();
    await migrateDown(client, { to: 5 });
    const report = await examine(url);
    expect(found(report, 'migrations')).toEqual([
      'hurts migration 6 (batch_operations_indexes)',
      'hurts migration 7 (processes)',
      'hurts migration 8 (trades_by_key)',
      'hurts migration 9 (api_keys)',
      'hurts migration 10 (requests)',
    ]);
    expect(about(report, 'migration 7 (processes)').remedy).toBe('Run "pincex migrate up"');
    expect(found(report, 'indexes_there')).toContain('hurts index orders_book');
    expect(report.checks).toContain('durability');
    expect(report.checks).not.toContain('plans');
  });

  it('is told of a database that is empty, and of one that is newer', async () => {
    const empty = await createEmptyDatabase();
    const report = await examine(empty.url);
    expect(report.ok).toBe(false);
    expect(found(report, 'migrations').length).toBeGreaterThan(5);
    await empty.drop();

    const { url, client } = await patient();
    await client.query(`INSERT INTO schema_migrations VALUES (999, 'later', 'x')`);
    expect(about(await examine(url), 'migration 999 (later)').remedy).toContain('newer version');
  });
});

describe('what PostgreSQL refuses to tell', () => {
  it('is a finding that says so, and the rest is told', async () => {
    const { url, client } = await patient();
    const role = `doctor_test_${process.pid}`;
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    try {
      const tables = `ON ALL TABLES IN SCHEMA public`;
      await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ${tables} TO ${role}`);
      const theirs = new URL(url);
      theirs.username = role;
      theirs.password = 'x';
      expect(await examine(theirs.href)).toEqual(healthy);
      const pincex = await Pincex.open({ config: loadConfig({ env: { DATABASE_URL: theirs.href } }) });
      expect(await pincex.doctor()).toEqual(healthy);
      await pincex.close();

      // As after a migration that made the table, with the grant not given again.
      await client.query(`REVOKE INSERT ON processes FROM ${role}`);
      expect(about(await examine(theirs.href), 'statement write-process').message).toBe(
        'cannot be planned: permission denied for table processes',
      );
      await client.query(`REVOKE ALL ON processes FROM ${role}`);
      const report = await examine(theirs.href);
      expect(report.checks).toEqual(healthy.checks);
      expect(about(report, 'check pool')).toMatchObject({
        severity: 'hurts',
        message: 'could not be made: permission denied for table processes',
        remedy: expect.stringContaining('Grant') as string,
      });
    } finally {
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('because a table is locked is one too, after a second', async () => {
    const { url } = await patient();
    const holder = await connected(url);
    await holder.query('BEGIN; LOCK trades IN ACCESS EXCLUSIVE MODE');
    const report = await examine(url);
    expect(found(report, 'plans')).toEqual(['hurts check plans']);
    expect(about(report, 'check plans').remedy).toContain('pg_locks');
    await holder.query('ROLLBACK');
    expect(await examine(url)).toEqual(healthy);
  });

  it('because it is not there is an error', async () => {
    await expect(examine('postgres://x:secret@127.0.0.1:1/none')).rejects.toMatchObject({
      code: 'database_unavailable',
    });
  });
});
