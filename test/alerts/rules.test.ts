import { describe, expect, it } from 'vitest';
import type { ObservedProcess } from '../../src/alerts/observation.ts';
import type { AlertsConfig, OperationMetrics } from '../../src/index.ts';
import { figures, operations, processWith, Series, type Different } from './observations.ts';

/** The alerts that an observation raises at once, and their messages. */
function raisedBy(different: Different, config: Partial<AlertsConfig> = {}) {
  const series = new Series({ forMs: 0, ...config });
  series.judge(different);
  return { events: series.events, message: series.message };
}

const over = (minute: OperationMetrics) => figures({ minute });
const byOperation = {
  batch_lock_funds: over(operations(90, 5)),
  batch_get_accounts: over(operations(10, 1)),
};
const reading = (use: ObservedProcess['cache']) => ({ processes: [processWith({ cache: use })] });
const cache = (hits: number, past: number) =>
  reading({
    recent: { hits, misses: 1_000 - hits },
    past: { hits: past, misses: 1_000 - past },
  });
const using = (inUse: number) => ({ processes: [processWith({ pool: { inUse, max: 10 } })] });
const hurt = (check: string, subject: string) => ({
  check,
  subject,
  message: 'is gone',
  remedy: 'Build it again',
});
const audit = (findings: number) => ({
  findings,
  checks: ['fills_are_paid'],
  madeAt: '2030-01-01T00:00:00.000Z',
});

interface Case {
  readonly rule: string;
  /** Its subject, if it has one. */
  readonly subject?: string;
  /** Just not enough for an alert. */
  readonly calm: Different;
  readonly wrong: Different;
  readonly message: string;
  readonly off: Partial<AlertsConfig>;
}

const CASES: readonly Case[] = [
  {
    rule: 'success_rate',
    calm: { minute: operations(100, 5) },
    wrong: { minute: operations(100, 6), byOperation },
    message:
      '94% of 100 operations of the last minute succeeded, below 95%; 6 failed (conflict 6), most of batch_lock_funds',
    off: { successRate: null },
  },
  {
    rule: 'p95',
    calm: { minute: operations(100, 0, { p95Ms: 500 }) },
    wrong: {
      minute: operations(100, 0, { p95Ms: 501 }),
      byOperation: {
        batch_lock_funds: over(operations(90, 0, { p95Ms: 480 })),
        batch_get_accounts: over(operations(10, 0, { p95Ms: 900 })),
      },
    },
    message:
      'p95 of 100 operations of the last minute is 501 ms, above 500 ms; the slowest are batch_get_accounts',
    off: { p95Ms: null },
  },
  {
    rule: 'p99',
    calm: { minute: operations(100, 0, { p99Ms: 1_000 }) },
    wrong: { minute: operations(100, 0, { p99Ms: 15_000 }) },
    message: 'p99 of 100 operations of the last minute is 15 s, above 1000 ms; the slowest are other',
    off: { p99Ms: null },
  },
  {
    rule: 'error_rate_jump',
    calm: { minute: operations(1_000, 30), hour: operations(11_000, 130) },
    wrong: { minute: operations(1_000, 31), hour: operations(11_000, 131) },
    message:
      '3.1% of the operations of the last minute failed, more than 3 times the 1% of the hour before (commonest: conflict)',
    off: { errorRateJump: null },
  },
  {
    rule: 'pool_use',
    subject: 'host:1',
    calm: using(8),
    wrong: using(9),
    message: '9 of 10 connections are in use, 90%, above 80%',
    off: { poolUse: null },
  },
  {
    rule: 'pool_waits',
    subject: 'host:1',
    calm: { processes: [processWith({ poolWaits: 10 })] },
    wrong: { processes: [processWith({ poolWaits: 11.8 })] },
    message: '12 calls a minute wait for a connection, above 10',
    off: { poolWaits: null },
  },
  {
    rule: 'cache_hit_rate',
    subject: 'host:1',
    calm: cache(720, 900),
    wrong: cache(719, 900),
    message:
      '71.9% of the reads of the last five minutes were found in the cache, after 90% in the hour before: a fall by more than 20%',
    off: { cacheHitRateDrop: null },
  },
  {
    rule: 'replica_lag',
    calm: { replica: { name: 'replica-1', lagMs: 10_000 } },
    wrong: { replica: { name: 'replica-1', lagMs: 12_000 } },
    message: 'The replica replica-1 is 12 s behind, above 10 s',
    off: { replicaLagMs: null },
  },
  {
    rule: 'holds_overdue',
    calm: { overdueMs: 60_000 },
    wrong: { overdueMs: 61_000 },
    message: 'The oldest hold that expired is not returned 61 s later, above 60 s',
    off: { holdsOverdueMs: null },
  },
  {
    rule: 'audit',
    calm: { audit: audit(0) },
    wrong: { audit: audit(2) },
    message: 'The audit of 2030-01-01T00:00:00.000Z found 2 rows at fault, above 0, by fills_are_paid',
    off: { audit: false },
  },
  {
    rule: 'doctor',
    subject: 'indexes_there',
    calm: { hurts: [] },
    wrong: { hurts: [hurt('indexes_there', 'index orders_book')] },
    message: 'index orders_book is gone. Build it again',
    off: { doctor: false },
  },
];

describe.each(CASES)('the rule $rule', ({ rule, subject = '', calm, wrong, message, off }) => {
  it(`the rule ${rule} raises an alert beyond its threshold, whose message names the value and the threshold`, () => {
    const { events, message: told } = raisedBy(wrong);
    expect(events).toEqual([`firing ${rule} ${subject}`.trim()]);
    expect(told).toBe(message);
  });

  it(`the rule ${rule} raises no alert at its threshold`, () => {
    expect(raisedBy(calm).events).toEqual([]);
  });

  it(`the rule ${rule} raises no alert if it is switched off`, () => {
    expect(raisedBy(wrong, off).events).toEqual([]);
  });

  it(`an alert of the rule ${rule} is resolved once nothing is wrong any more`, () => {
    const series = new Series({ forMs: 0 });
    series.judge(wrong);
    expect(
      series.judge({ audit: audit(0), minute: operations(100), hour: operations(200), ...cache(900, 900) }),
    ).toEqual([expect.stringMatching(`^resolved ${rule}`)]);
  });
});

describe('figures that mean too little', () => {
  it('few operations raise no alert, however many fail or however long they take', () => {
    const fiveMinutes = operations(19, 19, { p95Ms: 9_000, p99Ms: 9_000 });
    expect(raisedBy({ fiveMinutes, hour: operations(10_000) }).events).toEqual([]);
  });

  it('operations are judged by five minutes if the last minute has fewer than 20', () => {
    const minute = operations(19, 0, { p95Ms: 1, p99Ms: 1 });
    const fiveMinutes = operations(20, 10, { p95Ms: 9_000, p99Ms: 1 });
    const { events, message } = raisedBy({ minute, fiveMinutes, hour: operations(10_000, 10) });
    expect(events).toEqual(['firing success_rate', 'firing p95', 'firing error_rate_jump']);
    expect(message.split('\n')).toEqual([
      '50% of 20 operations of the last five minutes succeeded, below 95%; 10 failed (conflict 10), most of other',
      'p95 of 20 operations of the last five minutes is 9000 ms, above 500 ms; the slowest are other',
      '50% of the operations of the last five minutes failed, more than 3 times the 0% of the hour before (commonest: conflict)',
    ]);
  });

  it('an alert of operations that cease goes on for an hour, and is then resolved with that reason', () => {
    const series = new Series({ forMs: 0, errorRateJump: null });
    series.judge({ minute: operations(100, 50) });
    const ceased = { minute: operations(0), fiveMinutes: operations(0) };
    series.judge({ ...ceased, hour: operations(100, 50) }, 3_000_000);
    expect(series.states).toEqual(['firing success_rate']);
    expect(series.evaluate({ ...ceased, hour: operations(19, 10) }).told).toMatchObject([
      {
        state: 'resolved',
        message: 'Fewer than 20 operations were counted in the last hour: too few to judge',
      },
    ]);
  });

  it('an alert whose value fell is resolved with the message that it fired with', () => {
    const series = new Series({ forMs: 0 });
    series.judge(using(9));
    expect(series.evaluate(using(1)).told).toMatchObject([
      { state: 'resolved', message: '9 of 10 connections are in use, 90%, above 80%' },
    ]);
  });

  it('an error rate has jumped from no errors at all only if a percent or more of the operations fail', () => {
    const jump = (failed: number) =>
      raisedBy({ minute: operations(1_000, failed), hour: operations(20_000, failed) }).events;
    expect(jump(10)).toEqual([]);
    expect(jump(11)).toEqual(['firing error_rate_jump']);
  });

  it('an error rate of a process that has just begun has no past to jump from', () => {
    const minute = operations(1_000, 40);
    expect(raisedBy({ minute, hour: minute }).events).toEqual([]);
  });

  it('an alert of a jump is not resolved by the start of processes that have no past', () => {
    const series = new Series({ forMs: 0 });
    series.judge({ minute: operations(1_000, 40), hour: operations(20_000, 40) });
    series.judge({ minute: operations(1_000, 40) });
    expect(series.states).toEqual(['firing error_rate_jump']);
  });

  it('an alert of a cache that is no longer read is resolved', () => {
    const series = new Series({ forMs: 0 });
    series.judge(cache(100, 900));
    series.judge(cache(100, 900));
    series.judge(reading({ recent: { hits: 0, misses: 0 }, past: { hits: 900, misses: 100 } }));
    expect(series.events).toEqual(['firing cache_hit_rate host:1', 'resolved cache_hit_rate host:1']);
  });

  it('a cache that is read seldom raises no alert', () => {
    const seldom = { recent: { hits: 0, misses: 999 }, past: { hits: 999, misses: 1 } };
    expect(raisedBy(reading(seldom)).events).toEqual([]);
  });
});

describe('the pools and caches of several processes', () => {
  const busy = (name: string, inUse: number) => processWith({ name, pool: { inUse, max: 10 } });

  it('each process has an alert of its own, and one that ended has none', () => {
    const series = new Series({ forMs: 0 });
    expect(series.judge({ processes: [busy('a:1', 9), busy('b:2', 8), busy('c:3', 10)] })).toEqual([
      'firing pool_use a:1',
      'firing pool_use c:3',
    ]);
    expect(series.judge({ processes: [busy('b:2', 8), busy('c:3', 10)] })).toEqual(['resolved pool_use a:1']);
  });

  it('a pool has to be busy for a minute in one process, not now in one and now in another', () => {
    const series = new Series();
    for (let tick = 0; tick < 10; tick++)
      series.judge({ processes: [busy('a:1', tick % 2 ? 10 : 0), busy('b:2', tick % 2 ? 0 : 10)] });
    expect(series.events).toEqual([]);
  });

  it('of two that have one name the worse counts', () => {
    for (const processes of [
      [busy('a:1', 9), busy('a:1', 0)],
      [busy('a:1', 0), busy('a:1', 9)],
    ])
      expect(raisedBy({ processes }).events).toEqual(['firing pool_use a:1']);
  });

  it('alerts of a process stay while its past is not known to the process that judges', () => {
    const series = new Series({ forMs: 0 });
    const use = { recent: { hits: 100, misses: 900 }, past: { hits: 900, misses: 100 } };
    series.judge({ processes: [processWith({ poolWaits: 11, cache: use })] });
    series.judge({ processes: [processWith({ poolWaits: null, cache: null })] });
    expect(series.states).toEqual(['firing pool_waits host:1', 'firing cache_hit_rate host:1']);
  });
});

describe('the checks of the doctor', () => {
  it('each check that hurts has an alert of its own, which counts its findings', () => {
    const hurts = [
      hurt('indexes_there', 'index orders_book'),
      hurt('indexes_there', 'index trades_order'),
      hurt('durability', 'setting fsync'),
    ];
    const { events, message } = raisedBy({ hurts });
    expect(events).toEqual(['firing doctor indexes_there', 'firing doctor durability']);
    expect(message).toContain('index orders_book is gone (and 1 more: see pincex doctor). Build it again');
  });

  it('alerts of the doctor stay as they are while the doctor is not asked', () => {
    const series = new Series();
    const hurts = [hurt('durability', 'setting fsync')];
    series.judge({ hurts });
    series.judge({ hurts: null });
    expect(series.judge({ hurts }, 60_000)).toEqual(['firing doctor durability']);
    series.judge({ hurts: null }, 3_600_000);
    expect(series.states).toEqual(['firing doctor durability']);
  });

  it('an audit that fails fires at once, and is resolved at once by the next one that does not', () => {
    const series = new Series();
    expect(series.judge({ audit: audit(1) })).toEqual(['firing audit']);
    expect(series.judge({ audit: audit(0) })).toEqual(['resolved audit']);
  });
});
