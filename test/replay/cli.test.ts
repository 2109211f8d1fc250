import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect, test } from 'vitest';
import type { ReplaySummary } from '../../src/replay/replay.ts';
import { accountedFor, digest, freshDatabase, temporaryFolder, writeDay } from './support.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

function start(url: string, ...args: string[]) {
  const child = spawn(process.execPath, ['--import', tsx, main, 'replay', ...args], {
    cwd: temporaryFolder(),
    env: { PATH: process.env['PATH'], DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.stderr += text.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  return { child, ended };
}

const run = (url: string, ...args: string[]) => start(url, ...args).ended;

function summaryOf(stdout: string): ReplaySummary {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as ReplaySummary;
}

async function countOrders(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM orders');
    return Number(rows[0]?.count);
  } finally {
    await client.end();
  }
}

test('replays a compressed file and says what came of it', async () => {
  const file = path.join(temporaryFolder(), 'day.csv.gz');
  writeDay(file, { events: 2_000, messy: 0.03 });
  const url = await freshDatabase();
  const { code, stdout, stderr } = await run(url, file, '--users', '20', '--json');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const first = summaryOf(stdout);
  expect(accountedFor(first)).toBe(2_000);
  expect(first).toMatchObject({ events: 2_000, replayed: 0, audit: { ok: true } });
  expect(first.statements).toBeGreaterThanOrEqual(2 * first.batches);

  const again = await run(url, file, '--users', '20', '--batch', '500');
  expect(again.code).toBe(0);
  expect(again.stdout).toContain(
    `${first.orders + first.cancelled + first.filled} of them had been done before and changed nothing`,
  );
});

test('killed half-way and run again, it comes to the same end', async () => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 20_000, messy: 0.01 });
  const args = [file, '--users', '50', '--funding', 'tight', '--batch', '50', '--json'];
  const [whole, broken] = [await freshDatabase(), await freshDatabase()];
  expect((await run(whole, ...args)).code).toBe(0);

  const { child, ended } = start(broken, ...args);
  while ((await countOrders(broken)) < 2_000) await sleep(20);
  child.kill('SIGKILL');
  await ended;
  expect(await countOrders(broken)).toBeLessThan(await countOrders(whole));

  const { code, stdout } = await run(broken, ...args, '--batch', '200');
  expect(code).toBe(0);
  expect(summaryOf(stdout).replayed).toBeGreaterThan(1_000);
  expect(await digest(broken, 'across')).toEqual(await digest(whole, 'across'));
}, 240_000);

test('books that do not hold end it with 1', async () => {
  const file = path.join(temporaryFolder(), 'day.csv');
  writeDay(file, { events: 500 });
  const url = await freshDatabase();
  await run(url, file, '--users', '20');
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`UPDATE accounts SET available = available + 1 WHERE user_id = 'user-07'`);
  await client.end();
  const { code, stdout } = await run(url, file, '--users', '20', '--json');
  expect(code).toBe(1);
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
  const { code, stderr } = await run(
    await freshDatabase(),
    ...args.map((arg) => (arg === 'FILE' ? file : arg)),
  );
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
});
