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

test('replays a compressed file and says what came of it', async () => {
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

test('killed half-way and run again, it comes to the same end', async () => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 20_000, messy: 0.01 });
  const args = [file, '--users', '50', '--funding', 'tight', '--batch', '50', '--json'];
  const [whole, broken] = [await freshDatabase(), await freshDatabase()];
  expect((await run(whole, ...args)).exitCode).toBe(0);

  const { child, ended } = startPincex(['replay', ...args], { env: { DATABASE_URL: broken } });
  await until('2,000 orders', async () => (await countOrders(broken)) >= 2_000);
  child.kill('SIGKILL');
  await ended;
  expect(await countOrders(broken)).toBeLessThan(await countOrders(whole));

  const { exitCode, stdout } = await run(broken, ...args, '--batch', '200');
  expect(exitCode).toBe(0);
  expect(summaryOf(stdout).replayed).toBeGreaterThan(1_000);
  expect(await digest(broken, 'across')).toEqual(await digest(whole, 'across'));
});

test('books that do not hold end it with 1', async () => {
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
  ['a batch of none', ['FILE', '--batch', '0'], /--batch/],
  ['another funding', ['FILE', '--funding', 'some'], /ample, tight/],
])('%s ends it with 1 and says why', async (_, args, message) => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 10 });
  const { exitCode, stderr } = await run(
    await freshDatabase(),
    ...args.map((arg) => (arg === 'FILE' ? file : arg)),
  );
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(message);
});
