import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { longTransactions, tooFewConnections, unsafeSettings } from '../../src/doctor/activity.ts';
import { thresholds } from '../../src/doctor/thresholds.ts';
import { newUser, openBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
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

  it('that was prepared and left hurts', () => {
    const left = { pid: null, application: '', user_name: 'app', state: 'prepared', gid: 'g1' };
    const age = (ms: number) => ({ ...left, open_ms: ms, state_ms: ms });
    expect(longTransactions([age(59_000)], thresholds)).toEqual([]);
    const [finding] = longTransactions([age(120_000)], thresholds);
    expect(finding).toMatchObject({ severity: 'hurts', subject: 'prepared transaction g1' });
    expect(finding!.remedy).toContain(`ROLLBACK PREPARED 'g1';`);
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

it('as many as it takes do not', async () => {
  const { client } = await patient();
  await expect(client.query('SELECT statistics FROM processes')).resolves.toMatchObject({ rowCount: 0 });
  expect(tooFewConnections(97, [])).toEqual([]);
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

  it.each(['fsync', 'full_page_writes'])('of the server: %s', (name) => {
    const of = (setting: string) => unsafeSettings([{ name, setting, source: 'configuration file' }]);
    expect(of('on')).toEqual([]);
    expect(of('off')).toMatchObject([
      {
        severity: 'hurts',
        subject: `setting ${name}`,
        remedy: `In psql: ALTER SYSTEM SET ${name} = on; SELECT pg_reload_conf();`,
      },
    ]);
  });
});
