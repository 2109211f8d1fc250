import { expect, onTestFinished, test } from 'vitest';
import type { BenchReport } from '../../src/bench/bench.ts';
import type { HttpReport } from '../../src/bench/http.ts';
import { pincexCli } from '../support/commandLine.ts';
import { createEmptyDatabase } from '../support/database.ts';

/** The object on the last line of a short run, and its standard error. */
async function bench(...options: string[]): Promise<{ report: unknown; stderr: string }> {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  const { exitCode, stdout, stderr } = await pincexCli(['bench', '--json', '--duration', '2', ...options], {
    env: { DATABASE_URL: database.url },
  });
  expect(exitCode).toBe(0);
  return { report: JSON.parse(stdout.trimEnd().split('\n').at(-1)!), stderr };
}

test('`pincex bench --json` ends with one object that has every row and the audit of balanced books', async () => {
  const { report: printed, stderr } = await bench();
  const report = printed as BenchReport;
  expect(stderr).toContain('audit');

  expect(report.audit).toMatchObject({ ok: true, findings: [] });
  expect(report.nPlusOne.map(({ operation }) => operation)).toEqual([
    'get 100 accounts',
    'lock 50 funds',
    'update 100 orders',
    'get the 20 latest orders of each of 100 users',
  ]);
  for (const { loopMs, batchMs, ratio } of report.nPlusOne) {
    for (const figure of [loopMs, batchMs, ratio]) expect(figure).toBeGreaterThan(0);
  }

  const sizes = [1, 10, 50, 100, 500, 1_000, 5_000];
  const statementsOf = { getAccounts: 1, lockFunds: 2, placeOrders: 2 };
  for (const [operation, statements] of Object.entries(statementsOf)) {
    for (const distribution of ['uniform', 'zipf']) {
      const rows = report.throughput.filter(
        (row) => row.operation === operation && row.distribution === distribution,
      );
      expect(rows.map(({ items }) => items)).toEqual(sizes);
      // The number of statements does not depend on the number of items.
      expect(new Set(rows.map((row) => row.statements))).toEqual(new Set([statements]));
      for (const { opsPerSecond, p50Ms, p95Ms, p99Ms } of rows) {
        expect(opsPerSecond).toBeGreaterThan(0);
        expect(p95Ms).toBeGreaterThanOrEqual(p50Ms);
        expect(p99Ms).toBeGreaterThanOrEqual(p95Ms);
      }
    }
  }

  for (const items of [50, 500, 5_000]) {
    const shapes = report.floors.filter((row) => row.items === items).map(({ shape }) => shape);
    expect(shapes).toEqual(
      expect.arrayContaining(['engine', 'engine, guard', 'engine, lock', 'engine, Zipf', 'bare SQL floor']),
    );
  }
  for (const store of ['postgresql', 'process']) {
    const rows = report.caches.filter((row) => row.store === store);
    expect(rows.map(({ items }) => items)).toEqual([10, 100, 1_000, 5_000]);
    for (const { readMs, timesPostgresql } of rows) {
      expect(readMs).toBeGreaterThan(0);
      expect(timesPostgresql).toBeGreaterThan(0);
    }
  }
  expect(report.statusUpdates.map(({ items }) => items)).toEqual([100, 1_000, 5_000]);
  const { operationNs, batchNs, calls } = report.monitor;
  expect(calls.map(({ call }) => call)).toEqual([
    'get 100 accounts',
    'get an account',
    'lock 100 funds',
    'lock funds',
  ]);
  const figures = calls.flatMap(({ onMs, offMs, ratio }) => [onMs, offMs, ratio]);
  for (const figure of [operationNs, batchNs, ...figures]) expect(figure).toBeGreaterThan(0);
});

test('`pincex bench --http --json` compares batches over HTTP with the library, and measures single calls', async () => {
  const report = (await bench('--http')).report as HttpReport;
  expect(report.audit).toMatchObject({ ok: true, findings: [] });
  expect(report.batches.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['none', 'one a call']);
  for (const { libraryMs, httpMs, ratio } of report.batches) {
    for (const figure of [libraryMs, httpMs, ratio]) expect(figure).toBeGreaterThan(0);
  }
  expect(report.single.map(({ accounts }) => accounts)).toEqual(['uniform', 'one']);
  for (const { connections, refused, callsPerSecond, p50Ms, p99Ms } of report.single) {
    expect([connections, refused]).toEqual([256, 0]);
    expect(callsPerSecond).toBeGreaterThan(0);
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
  }
});
