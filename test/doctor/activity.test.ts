import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/embedded/server.ts';
import { newUser, openBooks } from '../support/books.ts';
import { copyFolder, makeFolder, removeFolder } from '../support/folders.ts';
import { until } from '../support/waiting.ts';
import { about, connected, examine, flushCounters, follow, found, opened, patient } from './support.ts';

/** Thresholds that are reached at once, and others that no test reaches. */
const strict = { thresholds: { idleInTransactionMs: 0, transactionMs: 0 } };
const lenient = { thresholds: { idleInTransactionMs: 3_600_000, transactionMs: 3_600_000 } };

describe('long transactions', () => {
  it('a transaction that is idle for too long is reported as hurting, and the remedy ends it', async () => {
    const { url, client } = await patient();
    const lazy = await connected(url, { application_name: 'lazy' });
    await lazy.query('BEGIN; SELECT 1');
    expect(found(await examine(url, lenient), 'transactions')).toEqual([]);
    const report = await examine(url, strict);
    const [finding] = report.findings;
    expect(finding).toMatchObject({ check: 'transactions', severity: 'hurts' });
    expect(finding!.subject).toMatch(/^session \d+ \(lazy\)$/);
    await follow(client, { ...finding!, remedy: finding!.remedy.replace(/;.*$/, ';') });
    await until('its end', async () => (await examine(url, strict)).findings.length === 0);
  });

  it('a transaction that runs a statement for too long is reported as advice', async () => {
    const { url, client } = await patient();
    const busy = await connected(url, { application_name: 'report' });
    await client.query('SELECT pg_advisory_lock(1)');
    const ended = busy.query('SELECT pg_advisory_lock(1)');
    await until('it to work', async () => {
      const working = await client.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`);
      return working.rowCount === 1;
    });
    expect((await examine(url, lenient)).findings).toEqual([]);
    const report = await examine(url, strict);
    expect(report.findings).toMatchObject([{ check: 'transactions', severity: 'advice' }]);
    expect(report.ok).toBe(true);
    await client.query('SELECT pg_advisory_unlock(1)');
    await ended;
  });
});

describe('deadlocks', () => {
  /** A database with two accounts. */
  async function withAccounts(): Promise<string> {
    const { url, client } = await patient();
    await client.query(
      `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
       SELECT user_id, 'USD', 0, 1, now(), now() FROM unnest('{a,b}'::text[]) AS user_id`,
    );
    return url;
  }

  /** Two transactions lock the accounts in opposite orders, so that PostgreSQL ends one of the two. */
  async function collide(url: string): Promise<void> {
    const [one, two] = [await connected(url), await connected(url)];
    const lock = (user: string) => `SELECT FROM accounts WHERE user_id = '${user}' FOR UPDATE`;
    for (const session of [one, two]) await session.query(`BEGIN; SET LOCAL deadlock_timeout = '50ms'`);
    await one.query(lock('a'));
    await two.query(lock('b'));
    const ends = await Promise.allSettled([one.query(lock('b')), two.query(lock('a'))]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    for (const session of [one, two]) {
      await session.query('ROLLBACK');
      await flushCounters(session);
    }
  }

  it('deadlocks are not reported while no process has ever been started', async () => {
    const url = await withAccounts();
    await collide(url);
    expect((await examine(url)).findings).toEqual([]);
  });

  it('deadlocks since the last start of a process are reported, also after its end, and earlier ones are not', async () => {
    const url = await withAccounts();
    await collide(url);
    const pincex = await openBooks(url);
    expect((await pincex.doctor()).findings).toEqual([]);
    await collide(url);
    const report = await pincex.doctor();
    expect(found(report, 'deadlocks')).toEqual(['advice deadlocks']);
    expect(about(report, 'deadlocks').message).toMatch(/^1 in the \d+ (ms|s|min) since Pincex was started/);
    await pincex.close();
    expect(found(await examine(url), 'deadlocks')).toEqual(['advice deadlocks']);
  });

  it('deadlocks are no longer reported once another process was started and the one before is gone', async () => {
    const url = await withAccounts();
    const first = await openBooks(url);
    await collide(url);
    await first.close();
    const next = await opened(url);
    await newUser(next, { USD: '1' });
    // By the doctor's clock neither has been seen for a minute; the one that runs reports anew when it is asked.
    const client = await connected(url);
    await client.query(`UPDATE processes SET seen_at = seen_at - interval '1 minute'`);
    expect((await next.doctor()).findings).toEqual([]);
  });
});

it('a process that may open more connections than PostgreSQL accepts is reported as hurting', async () => {
  const { url, client } = await patient();
  await opened(url);
  expect((await examine(url)).findings).toEqual([]);
  await client.query(`UPDATE processes SET statistics = jsonb_set(statistics, '{pool,max}', '5000')`);
  const report = await examine(url);
  expect(found(report, 'connections')).toEqual(['hurts max_connections']);
  expect(about(report, 'max_connections').message).toMatch(/^one process may open 5003 connections/);
});

it('a setting that may lose commits is reported as hurting, and the remedy names where it was set', async () => {
  const { url, client } = await patient();
  await client.query(
    `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$`,
  );
  const report = await examine(url);
  expect(found(report, 'durability')).toEqual(['hurts setting synchronous_commit']);
  expect(report.findings[0]!.remedy).toContain('ALTER DATABASE … RESET synchronous_commit');
  const own = new URL(url);
  own.searchParams.set('options', '-c synchronous_commit=off');
  expect((await examine(own.href)).findings[0]!.remedy).toContain('database.url');
});

describe('a carelessly configured server', () => {
  const careless = {
    fsync: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    max_prepared_transactions: '5',
  };
  let folder: string;
  let server: EmbeddedServer;
  beforeAll(async () => {
    folder = makeFolder('careless');
    const dataDir = path.join(folder, 'data');
    await copyFolder(inject('seedFolder'), dataDir);
    // `ALTER SYSTEM` writes the same lines.
    appendFileSync(
      path.join(dataDir, 'postgres', 'postgresql.auto.conf'),
      Object.entries(careless)
        .map(([name, value]) => `${name} = '${value}'\n`)
        .join(''),
    );
    server = await startEmbeddedServer({ dataDir, listens: 'tcp' });
  });
  afterAll(async () => {
    await server.stop();
    removeFolder(folder);
  });

  it('a prepared transaction that was left open is reported as hurting', async () => {
    const client = await connected(server.url);
    await client.query(`BEGIN; SELECT 1; PREPARE TRANSACTION 'left'`);
    expect(found(await examine(server.url, lenient), 'transactions')).toEqual([]);
    const report = await examine(server.url, strict);
    expect(found(report, 'transactions')).toEqual(['hurts prepared transaction left']);
    expect(about(report, 'prepared transaction left').remedy).toContain(`ROLLBACK PREPARED 'left';`);
    await client.query(`ROLLBACK PREPARED 'left'`);
    expect(found(await examine(server.url, strict), 'transactions')).toEqual([]);
  });

  it('settings that may lose data or bloat tables are reported as hurting, and the remedies correct them', async () => {
    const client = await connected(server.url);
    const report = await examine(server.url);
    expect(report.findings.map(({ severity, subject }) => `${severity} ${subject}`).sort()).toEqual([
      'hurts autovacuum',
      'hurts setting fsync',
      'hurts setting full_page_writes',
    ]);
    for (const finding of report.findings) await follow(client, finding);
    await until('the settings to be read', async () => (await examine(server.url)).findings.length === 0);
  });
});
