import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { limits } from '../../src/limits.ts';
import { PerformanceMonitor, PincexError } from '../../src/index.ts';
import { EncodedDurations } from '../../src/monitor/encodedDurations.ts';
import { liveProcesses } from '../../src/monitor/processes.ts';
import { mergeTallies, restoreTallies, storeTallies, type StoredTallies } from '../../src/monitor/tallies.ts';
import { Tally } from '../../src/monitor/tally.ts';
import { pictureOf } from '../../src/top/picture.ts';
import { connected } from '../doctor/support.ts';
import { newUser, openBooks, useBooks } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { start, type Running } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { until } from '../support/waiting.ts';
import { operationsOf } from './distributions.ts';

const books = useBooks();

/** Starts a process that has reported known operations. */
async function measuring(number: number): Promise<Running> {
  const running = start('test/monitor/measuring.ts', [books.url, String(number)]);
  onTestFinished(async () => {
    running.child.kill('SIGKILL');
    await running.ended;
  });
  let said = '';
  running.child.stdout!.on('data', (text: string) => (said += text));
  const hasEnded = running.ended.then((end) => Promise.reject(new Error(end.stderr)));
  await Promise.race([until('the process to report', () => said.includes('reported')), hasEnded]);
  return running;
}

const throughJson = (stored: StoredTallies): StoredTallies =>
  JSON.parse(JSON.stringify(stored)) as StoredTallies;

describe('the figures of all processes', () => {
  it('percentiles over all processes are at most 1% from the exact ones of all their operations', async () => {
    const { monitor } = books.pincex;
    monitor.reset();
    const others = await Promise.all([measuring(0), measuring(1)]);
    for (const operation of operationsOf(2)) monitor.record('known', operation);

    const { byOperation, ...all } = await monitor.getMetrics({ all: true });
    const durations = [0, 1, 2].flatMap((process) => operationsOf(process).map((one) => one.durationMs));
    const sorted = durations.toSorted((a, b) => a - b);
    const known = byOperation['known']!;
    for (const figures of [known, known.windows.hour]) {
      expect(figures).toMatchObject({
        operations: 15_000,
        failed: 500,
        errors: [{ code: 'conflict', count: 500, rate: 500 / 15_000 }],
        items: 1_500_000,
        applied: 98 * 15_000,
        replayed: 15_000,
        rejected: { total: 15_000, byCode: { insufficient_funds: 15_000 } },
      });
      for (const percentage of [50, 95, 99] as const) {
        const exact = sorted[(sorted.length * percentage) / 100 - 1]!;
        const ratio = figures[`p${percentage}Ms`]! / exact;
        expect(ratio).toBeGreaterThan(0.999);
        expect(ratio).toBeLessThan(1.011);
      }
    }
    expect(known.mostMs).toBeCloseTo(sorted.at(-1)!, -1);
    expect(Object.keys(byOperation)).toEqual(expect.arrayContaining(['of_process_0', 'of_process_1']));
    expect(all.operations).toBe(15_002);
    // The figures of this process alone stay as they are.
    expect(monitor.getMetrics().byOperation['known']!.operations).toBe(5_000);

    others[0].child.kill('SIGTERM');
    expect(await others[0].ended).toMatchObject({ exitCode: 0, stderr: '' });
    const left = await monitor.getMetrics({ all: true });
    expect(left.byOperation).not.toHaveProperty('of_process_0');
    expect(left.byOperation['known']!.operations).toBe(10_000);
  });

  it('a process that was killed counts until it has not reported for half a minute', async () => {
    const { monitor } = books.pincex;
    const { child, ended } = await measuring(0);
    child.kill('SIGKILL');
    await ended;
    const names = async () => Object.keys((await monitor.getMetrics({ all: true })).byOperation);
    expect(await names()).toContain('of_process_0');
    await books.sql(
      `UPDATE processes SET seen_at = now() - interval '31 s' WHERE statistics->'operations' ? 'of_process_0'`,
    );
    expect(await names()).not.toContain('of_process_0');
  });

  it('a report that is malformed or of another version is left out and counted, and the others are added up', async () => {
    const { monitor, statistics } = books.pincex;
    monitor.reset();
    await measuring(2);
    const work = new Tally();
    work.add({ durationMs: 1, items: 1, errorCode: null });
    const minute = { ...work.stored(), coveredMs: 1_000 };
    const malformed = [
      null,
      'text',
      [],
      { work: 7 },
      { work: { minute: null } },
      { work: { minute: { ...minute, errors: undefined } } },
      { work: { minute: work.stored() } },
      { work: { minute: { ...minute, operations: '1' } } },
      { work: { minute: { ...minute, sizes: { '1': null } } } },
      { work: { minute: { ...minute, durations: 'AAAA' } } },
    ];
    for (const operations of malformed) {
      await books.sql(
        `INSERT INTO processes (id, started_at, seen_at, deadlocks_at_start, statistics)
         SELECT gen_random_uuid(), started_at, now(), -1, jsonb_set(statistics, '{operations}', $1::jsonb)
         FROM processes WHERE statistics->'operations' ? 'of_process_2' LIMIT 1`,
        [JSON.stringify(operations)],
      );
    }
    onTestFinished(async () => {
      await books.sql('DELETE FROM processes WHERE deadlocks_at_start = -1');
    });
    const before = statistics.snapshot().unreadableReports;
    const { byOperation } = await monitor.getMetrics({ all: true });
    expect(byOperation).not.toHaveProperty('work');
    expect(byOperation['of_process_2']!.operations).toBe(1);
    expect(statistics.snapshot().unreadableReports - before).toBe(malformed.length);

    const { processes, unreadable, metrics } = pictureOf(
      await liveProcesses(await connected(books.url)),
      [],
      new Date(),
    );
    expect(unreadable).toBe(malformed.length);
    expect(processes.map(({ id }) => id)).toContain(statistics.id);
    expect(metrics.byOperation['of_process_2']!.operations).toBe(1);
  });

  it('the own figures are those of this moment, not those of the last report', async () => {
    const { monitor } = books.pincex;
    monitor.reset();
    await newUser(books.pincex, { USD: '1' });
    // The doctor has the process report.
    await books.pincex.doctor();
    await newUser(books.pincex, { USD: '1' });
    const { byOperation } = await monitor.getMetrics({ all: true });
    expect(byOperation['batch_deposit']!.operations).toBe(2);
  });

  it('a report has the host, the process id, the connections in use, and the operations of a process', async () => {
    const { child } = await measuring(1);
    const live = await liveProcesses(await connected(books.url));
    const { report, ageMs, startedAt } = live.find(({ report: { pid } }) => pid === child.pid)!;
    expect(report.host).not.toBe('');
    expect(report.pool).toMatchObject({ inUse: 0, refused: 1 });
    expect(Object.keys(report.operations)).toEqual(expect.arrayContaining(['known', 'of_process_1']));
    expect(ageMs).toBeGreaterThanOrEqual(0);
    expect(startedAt).toBeInstanceOf(Date);
  });

  it('getMetrics({ all: true }) fails with database_unavailable while the database cannot be reached', async () => {
    const proxy = await startProxy(books.url);
    onTestFinished(() => proxy.close());
    const pincex = await openBooks(proxy.url);
    onTestFinished(() => pincex.close());
    proxy.shut();
    const metrics = pincex.monitor.getMetrics({ all: true });
    await expect(metrics).rejects.toMatchObject({ name: 'PincexError', code: 'database_unavailable' });
    expect(pincex.monitor.getMetrics().operations).toBe(0);
  });

  it('getMetrics({ all: true }) is refused by a monitor that has no database', async () => {
    const metrics = new PerformanceMonitor().getMetrics({ all: true });
    await expect(metrics).rejects.toThrow(PincexError);
    await expect(metrics).rejects.toMatchObject({
      code: 'invalid_argument',
      message:
        'getMetrics({ all: true }) needs the monitor of a Pincex, pincex.monitor: this one has no database',
    });
  });

  it.each([
    [{ al: true }, '"al" is not an option of getMetrics: the nearest is all, of all'],
    [{ all: 'yes' }, 'all must be true or false: got "yes"'],
  ])('getMetrics refuses %j', (options, message) => {
    const call = () => new PerformanceMonitor().getMetrics(options as object);
    expect(call).toThrow(new PincexError('invalid_argument', message));
  });
});

describe('stored tallies', () => {
  it('stored tallies give the same figures over each window', () => {
    const clock = holdClock();
    const monitor = new PerformanceMonitor();
    for (const operation of operationsOf(0)) monitor.record('old', operation);
    clock.pass(120_000);
    for (const operation of operationsOf(1)) monitor.record('new', operation);
    clock.pass(5_000);
    const restored = restoreTallies(throughJson(storeTallies(monitor.allTallies())));
    const figures = (tallies: typeof restored) =>
      [...tallies].map(([name, windows]) =>
        Object.entries(windows).map(([window, { tally, coveredMs }]) => {
          // A window without operations covers nothing once it was stored.
          const covered = tally.operations === 0 ? 0 : coveredMs;
          const percentiles = [50, 95, 99].map((at) => tally.percentileMs(at));
          return [name, window, { ...tally.stored(), durations: null }, percentiles, covered];
        }),
      );
    expect(figures(restored)).toEqual(figures(monitor.allTallies()));
  });

  it('a report takes histograms that changed little from the report before, and its counts are exact', () => {
    const clock = holdClock();
    const monitor = new PerformanceMonitor();
    const record = (name: string, count: number) => {
      for (let n = 0; n < count; n++) monitor.record(name, { durationMs: 5, items: 1, errorCode: null });
    };
    const encode = vi.spyOn(Tally.prototype, 'encodedDurations');
    onTestFinished(() => {
      encode.mockRestore();
    });
    const encoded = new EncodedDurations();
    /** The operations of a report since the start, and how many histograms were encoded for it. */
    const report = () => {
      encode.mockClear();
      const { busy, idle } = storeTallies(monitor.allTallies(), encoded);
      return [busy?.start?.operations, idle?.start?.operations, encode.mock.calls.length];
    };
    record('busy', 100);
    record('idle', 100);
    expect(report()).toEqual([100, 100, 8]);
    expect(report()).toEqual([100, 100, 0]);
    record('busy', 1);
    // The minute.
    expect(report()).toEqual([101, 100, 1]);
    record('busy', 20);
    expect(report()).toEqual([121, 100, 4]);
    clock.pass(60_000);
    record('busy', 1);
    // In the minute is 1 operation of `busy` and none of `idle`.
    expect(report()).toEqual([122, 100, 4]);
    monitor.reset();
    record('busy', 1);
    expect(report()).toEqual([1, undefined, 3]);
  });

  it('a report of the most names with the most codes stays within its bytes, and loses no operation', () => {
    const monitor = new PerformanceMonitor();
    const code = (n: number): string => `${n}`.padStart(64, 'c');
    for (let name = 0; name < limits.monitor.names; name++) {
      for (let n = 0; n <= limits.monitor.codes; n++) {
        const durationMs = 1.03 ** (name + n);
        monitor.record(`${name}`.padStart(128, 'n'), { durationMs, items: 1, errorCode: code(n) });
      }
    }
    const stored = storeTallies(monitor.allTallies());
    const bytes = JSON.stringify(stored).length;
    expect(JSON.stringify(storeTallies(monitor.allTallies(), undefined, Infinity)).length).toBeGreaterThan(
      2 * limits.monitor.reportBytes,
    );
    // `other` is stored beside the operations that fit.
    expect(bytes).toBeLessThan(1.1 * limits.monitor.reportBytes);
    expect(Object.keys(stored)).toContain('other');
    const total = [...restoreTallies(stored).values()].reduce(
      (sum, { start: { tally } }) => sum + tally.operations,
      0,
    );
    expect(total).toBe(limits.monitor.names * (limits.monitor.codes + 1));
  });

  it('merged processes cover the time of the one that has measured for the longest', () => {
    const clock = holdClock();
    const older = new PerformanceMonitor();
    clock.pass(30_000);
    const younger = new PerformanceMonitor();
    clock.pass(10_000);
    for (const monitor of [older, younger])
      monitor.record('work', { durationMs: 1, items: 1, errorCode: null });
    const { start } = mergeTallies([older.allTallies(), younger.allTallies()]).get('work')!;
    expect(start.coveredMs).toBe(40_000);
  });

  it('merged processes have no more names than one, and the rest counts as other', () => {
    const tallies = Array.from({ length: 3 }, (_, process) => {
      const monitor = new PerformanceMonitor();
      for (let n = 0; n < limits.monitor.names; n++)
        monitor.record(`${process}-${n}`, { durationMs: 1, items: 1, errorCode: null });
      return monitor.allTallies();
    });
    const merged = mergeTallies(tallies);
    expect(merged.size).toBe(limits.monitor.names + 1);
    expect(merged.get('other')!.start.tally.operations).toBe(2 * limits.monitor.names);
  });
});
