import type { Alert } from '../alert.ts';
import { batchOperations } from '../commands/operationNames.ts';
import { limits } from '../limits.ts';
import type { OperationMetrics, RecordedBatch } from '../monitor/figures.ts';
import { metricsOf } from '../monitor/metrics.ts';
import { mostNotable } from '../monitor/notableBatches.ts';
import { performanceMetrics } from '../monitor/performanceMetrics.ts';
import type { ProcessStatistics } from '../monitor/statistics.ts';
import { sumOfCaches, sumOfPools, sumOfRefusals } from '../monitor/sums.ts';
import { mergeTallies, sumOf, type Tallies } from '../monitor/tallies.ts';
import type { AuditLine, LivePicture, LivePoint, NotableBatch, OperationPoint, PhaseShare } from './frame.ts';
import { loopCosts } from './loopCost.ts';

/** A process with its figures, this one or another one as it last reported. */
export interface LiveSource {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly ageMs: number;
  readonly tallies: Tallies;
  readonly counters: ProcessStatistics;
  readonly notable: readonly RecordedBatch[];
}

/** All that a picture shows, except which process is picked. */
export interface Sample {
  readonly at: string;
  readonly isKept: boolean;
  /** The oldest process first. */
  readonly sources: readonly LiveSource[];
  readonly alerts: readonly Alert[];
  readonly audit: AuditLine | null;
  /** How long a small statement takes. */
  readonly statementMs: number;
}

/** The processes whose figures a picture shows: all of them if none is picked. */
export const pickedOf = (sources: readonly LiveSource[], process: string | null): readonly LiveSource[] =>
  process === null ? sources : sources.filter(({ id }) => id === process);

/** The tallies of processes together. Those of one process are not merged, which costs as much as all the rest. */
export function talliesOf(sources: readonly LiveSource[]): Tallies {
  const [first, ...others] = sources.map(({ tallies }) => tallies);
  if (first === undefined) return new Map();
  return others.length === 0 ? first : mergeTallies([first, ...others]);
}

/** The figures of the last minute, of all operations and of the busiest ones. */
export function pointOf(
  tallies: Tallies,
  at: string,
  all = metricsOf(sumOf([...tallies.values()]).minute),
): LivePoint {
  const ran = [...tallies]
    .filter(([, { minute }]) => minute.tally.operations > 0)
    .toSorted(([, a], [, b]) => b.minute.tally.operations - a.minute.tally.operations)
    .slice(0, limits.live.operations);
  const points = ran.map(([name, { minute }]) => [name, figuresOf(metricsOf(minute))] as const);
  return { at, all: all.operations === 0 ? null : figuresOf(all), operations: Object.fromEntries(points) };
}

function figuresOf(figures: OperationMetrics): OperationPoint {
  const { operationsPerSecond, itemsPerSecond, p50Ms, p95Ms, p99Ms, batchSize, successRate } = figures;
  const percentiles = { p50Ms: p50Ms ?? 0, p95Ms: p95Ms ?? 0, p99Ms: p99Ms ?? 0 };
  return {
    operationsPerSecond,
    itemsPerSecond,
    ...percentiles,
    averageItems: batchSize.average,
    successRate,
  };
}

export function pictureOf(sample: Sample, process: string | null): LivePicture {
  const { at, isKept, sources, alerts, audit, statementMs } = sample;
  const picked = pickedOf(sources, process);
  const tallies = talliesOf(picked);
  const counters = picked.map((source) => source.counters);
  const metrics = performanceMetrics(tallies);
  return {
    at,
    process,
    processes: sources.map(({ id, host, pid, startedAt, ageMs, tallies: own, counters: { pool } }) => {
      const minute = metricsOf(sumOf([...own.values()]).minute);
      return { id, host, pid, startedAt, ageMs, minute, pool };
    }),
    point: pointOf(tallies, at, metrics.windows.minute),
    isKept,
    metrics,
    phases: phasesOf(tallies),
    cache: sumOfCaches(counters),
    pool: sumOfPools(counters),
    refusals: sumOfRefusals(counters),
    loops: loopCosts(metrics, statementMs),
    batches: mostNotable(
      picked.flatMap(({ id, notable }) => notable.map((batch): NotableBatch => ({ ...batch, process: id }))),
    ),
    alerts,
    audit,
  };
}

function phasesOf(tallies: Tallies): Record<string, PhaseShare> {
  const shares: Record<string, PhaseShare> = {};
  for (const [name, { fiveMinutes }] of tallies) {
    const { operations: batches, statements, sumMs, phaseMs } = fiveMinutes.tally;
    if (batches === 0 || !batchOperations.has(name)) continue;
    const { load, decide, persist, publish } = phaseMs;
    const otherMs = Math.max(0, sumMs - load - decide - persist - publish);
    shares[name] = {
      ...{ batches, loadMs: load, decideMs: decide, persistMs: persist, publishMs: publish },
      otherMs,
      statements,
    };
  }
  return shares;
}
