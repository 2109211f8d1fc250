import type { Counts } from './counts.ts';
import type { WindowTally } from './slidingTally.ts';

/** An error code, how many operations failed with it, and their share of all operations. */
export interface ErrorRate {
  readonly code: string;
  readonly count: number;
  readonly rate: number;
}

/** Figures of operations over one window of time. Durations are in milliseconds, rates are shares from 0 to 1. */
export interface OperationMetrics {
  readonly operations: number;
  readonly succeeded: number;
  readonly failed: number;
  /** 1 if there were no operations. */
  readonly successRate: number;
  /** Null without operations, like all durations. */
  readonly averageMs: number | null;
  readonly leastMs: number | null;
  readonly mostMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly operationsPerSecond: number;
  readonly itemsPerSecond: number;
  /** Items that operations were asked for, or say that they processed. */
  readonly items: number;
  readonly batchSize: {
    readonly average: number | null;
    readonly least: number | null;
    readonly most: number | null;
  };
  /** Outcomes of items. A rejected item is no failed operation. */
  readonly applied: number;
  readonly replayed: number;
  readonly rejected: { readonly total: number; readonly byCode: Readonly<Record<string, number>> };
  /** The commonest first. */
  readonly errors: readonly ErrorRate[];
  /** Seconds that the figures cover. */
  readonly seconds: number;
}

export function metricsOf({ tally, coveredMs }: WindowTally): OperationMetrics {
  const { operations, failed, items, applied, replayed, rejected } = tally;
  const seconds = coveredMs / 1_000;
  const ifAny = (value: number): number | null => (operations === 0 ? null : rounded(value));
  const perSecond = (count: number): number => (seconds > 0 ? rounded(count / seconds) : 0);
  return {
    operations,
    succeeded: operations - failed,
    failed,
    successRate: operations === 0 ? 1 : (operations - failed) / operations,
    averageMs: ifAny(tally.sumMs / operations),
    leastMs: ifAny(tally.leastMs),
    mostMs: ifAny(tally.mostMs),
    p50Ms: ifAny(tally.percentileMs(50)),
    p95Ms: ifAny(tally.percentileMs(95)),
    p99Ms: ifAny(tally.percentileMs(99)),
    operationsPerSecond: perSecond(operations),
    itemsPerSecond: perSecond(items),
    items,
    batchSize: {
      average: ifAny(items / operations),
      least: ifAny(tally.leastItems),
      most: ifAny(tally.mostItems),
    },
    applied,
    replayed,
    rejected: { total: rejected.total, byCode: Object.fromEntries(commonest(rejected)) },
    errors: commonest(tally.errors).map(([code, count]) => ({ code, count, rate: count / operations })),
    seconds: rounded(seconds),
  };
}

/** Four digits: more than a measurement is worth. */
const rounded = (value: number): number => Number(value.toPrecision(4));

const commonest = (counts: Counts): [string, number][] => [...counts].toSorted(([, a], [, b]) => b - a);
