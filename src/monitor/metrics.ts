import type { Counts } from './counts.ts';
import type { OperationMetrics } from './figures.ts';
import type { WindowTally } from './slidingTally.ts';

export function metricsOf({ tally, coveredMs }: WindowTally): OperationMetrics {
  const { operations, failed, items, applied, replayed, rejected, phaseMs } = tally;
  const seconds = coveredMs / 1_000;
  const ifAny = (value: number): number | null => (operations === 0 ? null : rounded(value));
  const perSecond = (count: number): number => (seconds > 0 ? rounded(count / seconds) : 0);
  return {
    operations,
    succeeded: operations - failed,
    failed,
    successRate: operations === 0 ? 1 : (operations - failed) / operations,
    totalMs: rounded(tally.sumMs),
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
    statements: tally.statements,
    phaseMs: {
      load: rounded(phaseMs.load),
      decide: rounded(phaseMs.decide),
      persist: rounded(phaseMs.persist),
      publish: rounded(phaseMs.publish),
    },
    errors: commonest(tally.errors).map(([code, count]) => ({ code, count, rate: count / operations })),
    seconds: rounded(seconds),
  };
}

/** Four digits: more than a measurement is worth. */
const rounded = (value: number): number => Number(value.toPrecision(4));

const commonest = (counts: Counts): [string, number][] => [...counts].toSorted(([, a], [, b]) => b - a);
