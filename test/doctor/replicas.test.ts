import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { TestReplica } from '../support/replica.ts';
import { until } from '../support/waiting.ts';
import { about, examine, found, patient } from './support.ts';

describe('a replica that is read', () => {
  let pair: TestReplica;
  beforeAll(async () => {
    pair = await TestReplica.start();
  });
  afterAll(() => pair.remove());

  const usual = () => examine(pair.primaryUrl, { readUrl: pair.replicaUrl });
  const strict = () =>
    examine(pair.primaryUrl, {
      readUrl: pair.replicaUrl,
      thresholds: { replicaLagMs: 50, replicaLagBytes: 100_000 },
    });

  it('a replica is not reported while it keeps up', async () => {
    await pair.catchUp();
    expect((await usual()).findings).toEqual([]);
  });

  it('a replica that stops replaying is reported as hurting, with its lag in bytes and in time', async () => {
    await pair.pauseReplay();
    await pair.primary(`CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)`);
    await until('the replica to be behind', async () => (await strict()).findings.length === 2);
    const report = await strict();
    expect(found(report, 'replicas')).toEqual(['hurts replica replica', 'hurts database.read_url']);
    const { message } = about(report, 'replica replica');
    const [, kilobytes = ''] = /^\(streaming\) is ([\d,]+) kB.* behind$/.exec(message) ?? [];
    expect(Number(kilobytes.replaceAll(',', ''))).toBeGreaterThan(1_000);
    expect(about(report, 'database.read_url').message).toMatch(/^is \d+ (ms|s|min) behind/);
  });

  it('a replica is no longer reported once it has caught up', async () => {
    await pair.resumeReplay();
    await until('nothing to be found', async () => (await strict()).findings.length === 0);
  });

  it('a promoted replica is reported as hurting, since it no longer follows the primary', async () => {
    await pair.replica('SELECT pg_promote()');
    const report = await strict();
    expect(found(report, 'replicas')).toEqual(['hurts database.read_url']);
    expect(about(report, 'database.read_url').message).toContain('no replica of database.url');
  });
});

describe('database.read_url', () => {
  it('a read URL that leads to the primary itself is not reported', async () => {
    const { url } = await patient();
    expect((await examine(url, { readUrl: url })).findings).toEqual([]);
  });

  it('a read URL that leads to another database is reported as hurting', async () => {
    const { url } = await patient();
    const other = await createTestDatabase();
    const stranger = await examine(url, { readUrl: other.url });
    expect(about(stranger, 'database.read_url')).toMatchObject({ severity: 'hurts', check: 'replicas' });
    await other.drop();
  });

  it('a read URL that cannot be reached is reported as hurting, without its password', async () => {
    const { url } = await patient();
    const gone = await examine(url, { readUrl: 'postgres://someone:secret@127.0.0.1:1/none' });
    expect(about(gone, 'database.read_url').message).toMatch(/^cannot be read: .*ECONNREFUSED/);
    expect(JSON.stringify(gone)).not.toContain('secret');
  });
});
