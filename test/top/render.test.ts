import { describe, expect, it } from 'vitest';
import type { Alert } from '../../src/index.ts';
import type { LiveProcess } from '../../src/monitor/processes.ts';
import { Statistics } from '../../src/monitor/statistics.ts';
import { storeTallies } from '../../src/monitor/tallies.ts';
import { pictureOf, type Picture } from '../../src/top/picture.ts';
import { render } from '../../src/top/render.ts';
import { holdClock } from '../support/clock.ts';

const AT = new Date('2026-01-02T03:04:05Z');
const locks = { operation: 'batch_lock_funds', items: 100 };

/** A process that counted for ten seconds, and reported then. */
function processOf(pid: number, count: (statistics: Statistics) => void, host = 'host'): LiveProcess {
  const clock = holdClock();
  const statistics = new Statistics({ poolMax: 10, poolInUse: () => 4, cacheStore: 'process' });
  count(statistics);
  clock.pass(10_000);
  const operations = storeTallies(statistics.monitor.allTallies());
  const report = { ...statistics.snapshot(), host, pid, operations };
  return {
    id: `${pid}`,
    startedAt: new Date(AT.getTime() - 90_000),
    seenAt: new Date(AT.getTime() - 3_000),
    ageMs: 3_000,
    deadlocksAtStart: 0,
    isLive: true,
    report,
  };
}

const busy = (pid: number): LiveProcess =>
  processOf(pid, (statistics) => {
    for (let n = 0; n < 98; n++) statistics.operation({ ...locks, durationMs: 20 });
    for (let n = 0; n < 2; n++)
      statistics.operation({ ...locks, durationMs: 40, error: { code: 'conflict' } });
    statistics.operation({ operation: 'batch_get_accounts', items: 5, durationMs: 2 });
    statistics.cacheReads('accounts', 3, 1);
    statistics.poolWait(10);
    statistics.poolRefused();
    statistics.refusal('rate_limited');
  });

/** A picture with many operations and processes. */
const crowded = (): Picture =>
  pictureOf(
    Array.from({ length: 20 }, (_, pid) =>
      processOf(pid, ({ monitor }) => {
        for (let n = 0; n < 30; n++)
          monitor.record(`work_${n}`, { durationMs: 1, items: 1, errorCode: null });
      }),
    ),
    [],
    AT,
  );

describe('the picture of all processes', () => {
  it.each([['pool'], ['cache'], ['refusals'], ['operations']])(
    'a process whose report has no %s is left out, and the picture says so',
    (part) => {
      const { report, ...older } = busy(2);
      const picture = pictureOf([busy(1), { ...older, report: { ...report, [part]: undefined } }], [], AT);
      expect(picture.processes.map(({ id }) => id)).toEqual(['1']);
      expect(render(picture)[1]).toBe(
        'Left out: 1 process whose report is malformed or of another version of Pincex',
      );
      expect(render({ ...picture, unreadable: 0 })[1]).toBe('');
    },
  );

  it('a picture adds up operations, pools, caches and refusals of its processes', () => {
    const picture = pictureOf([busy(1), busy(2)], [], AT);
    expect(picture.metrics.byOperation['batch_lock_funds']!.windows.minute).toMatchObject({
      operations: 200,
      failed: 4,
      errors: [{ code: 'conflict', count: 4 }],
    });
    expect(picture.pool).toEqual({
      max: 20,
      inUse: 8,
      waits: 2,
      waitMs: 20,
      longestWaitMs: 10,
      refused: 2,
    });
    expect(picture.cache.reads.accounts).toEqual({ hits: 6, misses: 2, hitRate: 0.75 });
    expect(picture.cache.reads.trades.hitRate).toBeNull();
    expect(picture.refusals).toEqual({ rate_limited: 2 });
    expect(picture.processes.map(({ pid, minute }) => [pid, minute.operations])).toEqual([
      [1, 101],
      [2, 101],
    ]);
  });

  it('a picture is drawn as tables of operations and of processes, with the counters between them', () => {
    expect(render(pictureOf([busy(1), busy(2)], [], AT)).join('\n')).toMatchInlineSnapshot(`
      "pincex top   2026-01-02 03:04:05 UTC

      operation           ops/s  items/s  p50 ms  p95 ms  p99 ms  success  failed  applied  replayed  rejected
      batch_lock_funds       20    2,000    20.1    20.1    40.2    98.0%       4        0         0         0
      batch_get_accounts    0.2        1    2.01    2.01    2.01   100.0%       0        0         0         0
      all, last minute     20.2    2,001    20.1    20.1    40.2    98.0%       4        0         0         0

      failed operations, last minute  conflict 4
      rejected items, last minute     none
      pool, waits since the start     in use 8 of 20, waits 2 (10 ms on average, 10 ms at the most), refused 2
      cache hits since the start      accounts 75.0% of 8
      refused calls since the start   rate_limited 2

      process     up  reported  ops/s  p99 ms  success  in use  waits  refused
      host:1   1 min   3 s ago   10.1    40.2    98.0%    4/10      1        1
      host:2   1 min   3 s ago   10.1    40.2    98.0%    4/10      1        1"
    `);
  });

  it('a picture without processes says that none has reported', () => {
    expect(render(pictureOf([], [], AT)).at(-1)).toBe('No process has reported within half a minute.');
  });

  it.each([
    [80, 24],
    [40, 24],
    [200, 60],
    [20, 5],
  ])('a picture of many operations and processes fits into a terminal of %i by %i', (columns, rows) => {
    const lines = render(crowded(), { columns, rows }, 'q to leave');
    expect(lines.length).toBeLessThanOrEqual(rows);
    for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(columns);
  });

  it('a picture that does not fit counts the operations and processes that it leaves out', () => {
    const lines = render(crowded(), { columns: 120, rows: 24 });
    expect(lines).toHaveLength(24);
    const more = lines.flatMap((line) => /^… (\d+) more$/.exec(line)?.slice(1).map(Number) ?? []);
    const shown = (start: string) => lines.filter((line) => line.startsWith(start)).length;
    expect(shown('work_') + more[0]!).toBe(30);
    expect(shown('host:') + more[1]!).toBe(20);
    expect(lines.some((line) => line.startsWith('all, last minute'))).toBe(true);
  });

  it('names that would control the terminal are escaped', () => {
    const monitored = processOf(
      1,
      ({ monitor }) => {
        monitor.record('\u001b[2J\u202ename', { durationMs: 1, items: 1, errorCode: null });
      },
      'ho\rst',
    );
    const text = render(pictureOf([monitored], [], AT), undefined, 'no\u0007tice').join('\n');
    expect(text).toContain('\\u{1b}[2J\\u{202e}name');
    expect(text).toContain('ho\\u{d}st:1');
    expect(text).toContain('no\\u{7}tice');
    // eslint-disable-next-line no-control-regex -- These are the characters that must not be there.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  it('a success rate just below 100% is not shown as 100%', () => {
    const one = processOf(1, ({ monitor }) => {
      for (let n = 0; n < 10_000; n++)
        monitor.record('work', { durationMs: 1, items: 1, errorCode: n === 0 ? 'conflict' : null });
    });
    const lines = render(pictureOf([one], [], AT));
    expect(lines.find((line) => line.startsWith('work'))).toContain(' 99.9% ');
  });

  it('alerts that fire or are pending stand above the figures, five at the most, and resolved ones do not', () => {
    const alert = (subject: string, state: Alert['state']): Alert => ({
      id: subject,
      rule: 'p95',
      subject,
      severity: 'warning',
      state,
      message: 'p95 is 700 ms, above 500 ms',
      pendingAt: new Date(AT.getTime() - 120_000).toISOString(),
      firedAt: state === 'pending' ? null : new Date(AT.getTime() - 60_000).toISOString(),
      resolvedAt: null,
      acknowledgedAt: null,
      acknowledgedBy: subject === 'a' ? 'ann' : null,
    });
    const alerts = [alert('a', 'firing'), alert('b', 'pending'), alert('c', 'resolved')];
    expect(render(pictureOf([], alerts, AT)).slice(2, 5)).toEqual([
      'alert  state      for  acknowledged  message',
      'p95 a  firing   1 min  ann           p95 is 700 ms, above 500 ms',
      'p95 b  pending  2 min  –             p95 is 700 ms, above 500 ms',
    ]);
    const many = Array.from({ length: 9 }, (_, n) => alert(`${n}`, 'firing'));
    expect(render(pictureOf([], many, AT))).toContain('… 5 more');
  });
});
