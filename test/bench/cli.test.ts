import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { BenchReport } from '../../src/bench/bench.ts';
import { createEmptyDatabase } from '../support/database.ts';

const main = path.join(import.meta.dirname, '../../src/cli/main.ts');

test('`pincex bench --json` ends with one object: every row, and books that balance', async () => {
  const database = await createEmptyDatabase();
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', main, 'bench', '--json', '--duration', '2'],
      { env: { ...process.env, DATABASE_URL: database.url } },
    );
    expect(stderr).toContain('audit');
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as BenchReport;

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
    for (const operation of ['getAccounts', 'lockFunds', 'placeOrders']) {
      for (const distribution of ['uniform', 'zipf']) {
        const rows = report.throughput.filter(
          (row) => row.operation === operation && row.distribution === distribution,
        );
        expect(rows.map(({ items }) => items)).toEqual(sizes);
        // The number of statements does not depend on the number of items.
        expect(new Set(rows.map(({ statements }) => statements)).size).toBe(1);
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
  } finally {
    await database.drop();
  }
}, 120_000);
