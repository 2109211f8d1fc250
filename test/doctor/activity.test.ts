import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { migrateUp } from '../../src/migrations/runner.ts';
import { newUser, openBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
import { newDataDir } from '../support/folders.ts';
import { started } from './standby.ts';
import { about, connected, examine, flushCounters, follow, found, opened, patient } from './support.ts';

describe('a transaction', () => {
  it('that is open and does nothing hurts, and the remedy ends it', async () => {
    const { url, client } = await patient();
    const lazy = await connected(url, { application_name: 'lazy' });
    await lazy.query('BEGIN; SELECT 1');
    expect(found(await examine(url), 'transactions')).toEqual([]);
    await sleep(30);
    const strict = { thresholds: { idleInTransactionMs: 20 } };
    const report = await examine(url, strict);
    const [finding] = report.findings;
    expect(finding).toMatchObject({ check: 'transactions', severity: 'hurts' });
    expect(finding!.subject).toMatch(/^session \d+ \(lazy\)$/);
    await follow(client, { ...finding!, remedy: finding!.remedy.replace(/;.*$/, ';') });
    await until('its end', async () => (await examine(url, strict)).findings.length === 0);
  });

  it('that works for long is advised against', async () => {
    const { url } = await patient();
    const busy = await connected(url, { application_name: 'report' });
    const ended = busy.query('SELECT pg_sleep(1)');
    await sleep(50);
    const report = await examine(url, { thresholds: { transactionMs: 20 } });
    expect(report.findings).toMatchObject([{ check: 'transactions', severity: 'advice' }]);
    expect(report.ok).toBe(true);
    await ended;
  });
});

it('deadlocks since the last start are told, those before are not', async () => {
  const { url, client } = await patient();
  const collide = async (): Promise<void> => {
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
  };
  await client.query(
    `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
     SELECT user_id, 'USD', 0, 1, now(), now() FROM unnest('{a,b}'::text[]) AS user_id`,
  );
  await collide();
  // Nothing has been started, so nothing happened since.
  expect((await examine(url)).findings).toEqual([]);
  const pincex = await openBooks(url);
  expect((await pincex.doctor()).findings).toEqual([]);
  await collide();
  const report = await pincex.doctor();
  expect(found(report, 'deadlocks')).toEqual(['advice deadlocks']);
  expect(about(report, 'deadlocks').message).toMatch(/^1 in the \d+ (ms|s) since Pincex was started/);
  await pincex.close();
  expect(found(await examine(url), 'deadlocks')).toEqual(['advice deadlocks']);
  const next = await opened(url);
  await newUser(next, { USD: '1' });
  // The first is not live any more by the doctor's clock of a minute later, the second still reports.
  await client.query(`UPDATE processes SET seen_at = seen_at - interval '1 minute' WHERE seen_at < $1`, [
    new Date(Date.now() - 1),
  ]);
  expect((await next.doctor()).findings).toEqual([]);
});

it('more connections than PostgreSQL takes hurt', async () => {
  const { url, client } = await patient();
  await opened(url);
  expect((await examine(url)).findings).toEqual([]);
  await client.query(`UPDATE processes SET statistics = jsonb_set(statistics, '{pool,max}', '5000')`);
  const report = await examine(url);
  expect(found(report, 'connections')).toEqual(['hurts max_connections']);
  expect(about(report, 'max_connections').message).toMatch(/^one process may open 5002 connections/);
});

describe('settings that lose commits', () => {
  it('hurt, with where they come from', async () => {
    const { url, client } = await patient();
    await client.query(
      `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$`,
    );
    const report = await examine(url);
    expect(found(report, 'durability')).toEqual(['hurts setting synchronous_commit']);
    expect(report.findings[0]!.remedy).toContain('ALTER DATABASE … RESET synchronous_commit');
    const url2 = new URL(url);
    url2.searchParams.set('options', '-c synchronous_commit=off');
    expect((await examine(url2.href)).findings[0]!.remedy).toContain('database.url');
  });
});

it('a server that may lose or bloat the books hurts, and so does what was prepared and left there', async () => {
  const dataDir = newDataDir();
  const first = await started(dataDir);
  const owner = await connected(first.url);
  await migrateUp(owner);
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    max_prepared_transactions: '5',
  };
  for (const [name, value] of Object.entries(settings))
    await owner.query(`ALTER SYSTEM SET ${name} = ${value}`);
  await first.stop();
  const { url } = await started(dataDir);
  const client = await connected(url);
  await client.query(`BEGIN; SELECT 1; PREPARE TRANSACTION 'left'`);

  const subjects = ['setting fsync', 'setting full_page_writes', 'autovacuum'];
  expect((await examine(url)).findings.map(({ subject }) => subject).sort()).toEqual([...subjects].sort());
  await sleep(30);
  const report = await examine(url, { thresholds: { transactionMs: 20 } });
  expect(found(report, 'transactions')).toEqual(['hurts prepared transaction left']);
  expect(about(report, 'prepared transaction left').remedy).toContain(`ROLLBACK PREPARED 'left';`);
  await client.query(`ROLLBACK PREPARED 'left'`);
  for (const subject of subjects) {
    expect(about(report, subject).severity).toBe('hurts');
    await follow(client, about(report, subject));
  }
  await until('the settings to be read', async () => (await examine(url)).findings.length === 0);
});
