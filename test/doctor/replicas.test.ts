import { expect, it } from 'vitest';
import { migrateUp } from '../../src/migrations/runner.ts';
import { createTestDatabase } from '../support/database.ts';
import { until } from '../support/waiting.ts';
import { startPair } from './standby.ts';
import { about, connected, examine, found, patient } from './support.ts';

it('a replica that stops replaying hurts, in bytes and in time, where it is and where it is read', async () => {
  const { primary, standby } = await startPair();
  const writer = await connected(primary);
  const reader = await connected(standby);
  await migrateUp(writer);
  const position = async (): Promise<boolean> => {
    const { rows } = await writer.query<{ is_there: boolean }>(
      'SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) AS is_there FROM pg_stat_replication',
    );
    return rows[0]!.is_there;
  };
  await until('the standby to be level', position);
  expect((await examine(primary, { readUrl: standby })).findings).toEqual([]);

  await reader.query('SELECT pg_wal_replay_pause()');
  await writer.query(`CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)`);
  const strict = { readUrl: standby, thresholds: { replicaLagMs: 50, replicaLagBytes: 100_000 } };
  await until('the standby to be behind', async () => (await examine(primary, strict)).findings.length === 2);
  const report = await examine(primary, strict);
  expect(found(report, 'replicas')).toEqual(['hurts replica standby', 'hurts database.read_url']);
  expect(about(report, 'replica standby').message).toMatch(/^\(streaming\) is 1,\d{3} kB.* behind$/);
  expect(about(report, 'database.read_url').message).toMatch(/^is \d+ (ms|s) behind/);
  // Neither is much by the usual bounds.
  expect((await examine(primary, { readUrl: standby })).findings).toEqual([]);

  await reader.query('SELECT pg_wal_replay_resume()');
  await until('the standby to be level again', position);
  expect((await examine(primary, strict)).findings).toEqual([]);

  await reader.query('SELECT pg_promote()');
  const promoted = await examine(primary, strict);
  expect(found(promoted, 'replicas')).toEqual(['hurts database.read_url']);
  expect(about(promoted, 'database.read_url').message).toContain('no replica of database.url');
});

it('reads that go to another database, or to none, hurt', async () => {
  const { url } = await patient();
  expect((await examine(url, { readUrl: url })).findings).toEqual([]);
  const other = await createTestDatabase();
  const stranger = await examine(url, { readUrl: other.url });
  expect(about(stranger, 'database.read_url')).toMatchObject({ severity: 'hurts', check: 'replicas' });
  await other.drop();
  const gone = await examine(url, { readUrl: 'postgres://someone:secret@127.0.0.1:1/none' });
  expect(about(gone, 'database.read_url').message).toMatch(/^cannot be read: .*ECONNREFUSED/);
  expect(JSON.stringify(gone)).not.toContain('secret');
});
