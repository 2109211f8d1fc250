import path from 'node:path';
import { expect, test } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import type { ReplaySummary } from '../../src/replay/replay.ts';
import { pincexCli } from '../support/commandLine.ts';
import { temporaryFolder } from '../support/folders.ts';
import { startPincex } from '../support/processes.ts';
import { until } from '../support/waiting.ts';
import { accountedFor, digest, freshDatabase, writeDay } from './support.ts';

const run = (url: string, ...args: string[]) =>
  pincexCli(['replay', ...args], { env: { DATABASE_URL: url } });

function summaryOf(stdout: string): ReplaySummary {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as ReplaySummary;
}

function countOrders(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM orders');
    return rows[0]!.count;
  });
}

test('a compressed file is replayed and its outcome printed, and replaying it again changes nothing', async () => {
  const file = path.join(temporaryFolder(), 'day.csv.gz');
  writeDay(file, { events: 2_000, messy: 0.03 });
  const url = await freshDatabase();
  const { exitCode, stdout, stderr } = await run(url, file, '--users', '20', '--json');
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  const first = summaryOf(stdout);
  expect(accountedFor(first)).toBe(2_000);
  expect(first).toMatchObject({ events: 2_000, replayed: 0, audit: { ok: true } });
  expect(first.statements).toBeGreaterThanOrEqual(2 * first.batches);

  const again = await run(url, file, '--users', '20', '--batch', '500');
  expect(again.exitCode).toBe(0);
  expect(again.stdout).toContain(
    `${first.orders + first.cancelled + first.filled} of them had been done before and changed nothing`,
  );
});

test('a replay that was killed half-way and is run again leaves the same books as a whole one', async () => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 4_000, messy: 0.01 });
  const args = [file, '--users', '50', '--funding', 'tight', '--batch', '50', '--json'];
  const [whole, broken] = [await freshDatabase(), await freshDatabase()];
  expect((await run(whole, ...args)).exitCode).toBe(0);
  const orders = await countOrders(whole);

  await withClient(broken, async (client) => {
    // The batch that would exceed half of the orders waits for this session, and the process is killed while it waits.
    await client.query('SELECT pg_advisory_lock(1)');
    await client.query(
      `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
           IF (SELECT count(*) FROM orders) > ${orders / 2} THEN PERFORM pg_advisory_xact_lock(1); END IF;
           RETURN NULL;
         END $$;
       CREATE TRIGGER half BEFORE INSERT ON orders EXECUTE FUNCTION wait()`,
    );
    const { child, ended } = startPincex(['replay', ...args], { env: { DATABASE_URL: broken } });
    await until('the replay to wait', async () => {
      const { rowCount } = await client.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rowCount === 1;
    });
    child.kill('SIGKILL');
    await ended;
    // The last statement of the killed process goes on, and nobody hears its outcome.
    await client.query('SELECT pg_advisory_unlock(1)');
    await until('its connections to end', async () => {
      const { rowCount } = await client.query(
        'SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
      return rowCount === 0;
    });
    await client.query('DROP FUNCTION wait CASCADE');
  });
  const before = await countOrders(broken);
  expect(before).toBeGreaterThan(orders / 2);
  expect(before).toBeLessThan(orders);

  const { exitCode, stdout } = await run(broken, ...args, '--batch', '200');
  expect(exitCode).toBe(0);
  expect(summaryOf(stdout).replayed).toBeGreaterThan(before);
  expect(await digest(broken, 'across')).toEqual(await digest(whole, 'across'));
});

test('a replay whose books fail the audit exits with 1', async () => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 500 });
  const url = await freshDatabase();
  await run(url, file, '--users', '20');
  await withClient(url, (client) =>
    client.query(`UPDATE accounts SET available = available + 1 WHERE user_id = 'user-07'`),
  );
  const { exitCode, stdout } = await run(url, file, '--users', '20', '--json');
  expect(exitCode).toBe(1);
  expect(summaryOf(stdout).audit.ok).toBe(false);
});

test.each([
  ['a file that is not there', ['none.csv'], /none\.csv.*\(invalid_file\)/],
  ['a market that is not there', ['FILE', '--symbol', 'BTC/XXX'], /BTC\/XXX.*\(invalid_argument\)/],
  ['no users', ['FILE', '--users', '0'], /--users/],
  ['batches of no items', ['FILE', '--batch', '0'], /--batch/],
  ['an unknown funding', ['FILE', '--funding', 'some'], /ample, tight/],
])('a replay with %s exits with 1 and says why', async (_, args, message) => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 10 });
  const { exitCode, stderr } = await run(
    await freshDatabase(),
    ...args.map((arg) => (arg === 'FILE' ? file : arg)),
  );
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(message);
});
