import type { AlertsConfig } from '../config/load.ts';
import type { AlertSeverity } from '../alert.ts';
import type { OperationMetrics } from '../monitor/figures.ts';
import { levelOf, type Level, type Reading } from './lifecycle.ts';
import type { CacheUse, Hurt, Observation } from './observation.ts';

/** A condition that raises alerts. */
export interface Rule {
  readonly name: string;
  readonly severity: AlertSeverity;
  /** Set if the condition fires, and is resolved, without waiting for `alerts.for`. */
  readonly isImmediate?: true;
  /**
   * Readings by subject; a subject that is missing is below. Null: the condition was not observed, and its alerts stay as they
   * are. A rule whose threshold is `none` has no readings.
   */
  judge(observation: Observation, config: AlertsConfig): ReadonlyMap<string, Reading> | null;
}

/** Operations of a minute from which on their rates and percentiles mean something. */
const LEAST_OPERATIONS = 20;
/** Failed operations of a minute, and their share, from which on a jump is worth an alert. */
const LEAST_FAILURES = 5;
const LEAST_ERROR_RATE = 0.01;
/** Reads of the cache from which on their hit rate means something. */
const LEAST_CACHE_READS = 1_000;

const NONE: ReadonlyMap<string, Reading> = new Map();
const one = (level: Level, message: string): ReadonlyMap<string, Reading> =>
  new Map([['', { level, message }]]);
/** Too little is known to begin an alert or to end one. */
const UNDECIDED = one('between', '');

const successRate: Rule = {
  name: 'success_rate',
  severity: 'error',
  judge({ minute, minuteByOperation }, { successRate: least, hysteresis }) {
    if (least === null || minute.operations === 0) return NONE;
    if (minute.operations < LEAST_OPERATIONS) return UNDECIDED;
    const failing = most(minuteByOperation, ({ failed }) => failed);
    const codes = minute.errors.slice(0, 3).map(({ code, count }) => `${code} ${count}`);
    return one(
      levelOf(percent(1 - minute.successRate), 100 - least, share(hysteresis)),
      `${percent(minute.successRate)}% of ${minute.operations} operations of the last minute succeeded, below ${least}%; ${minute.failed} failed (${codes.join(', ')}), most of ${failing}`,
    );
  },
};

const p95 = percentileRule('p95', ({ p95Ms }) => p95Ms);
const p99 = percentileRule('p99', ({ p99Ms }) => p99Ms);

function percentileRule(name: 'p95' | 'p99', valueOf: (metrics: OperationMetrics) => number | null): Rule {
  return {
    name,
    severity: 'warning',
    judge({ minute, minuteByOperation }, { [`${name}Ms` as const]: threshold, hysteresis }) {
      const value = valueOf(minute);
      if (threshold === null || value === null) return NONE;
      if (minute.operations < LEAST_OPERATIONS) return UNDECIDED;
      const slowest = most(minuteByOperation, (metrics) => valueOf(metrics) ?? 0);
      return one(
        levelOf(value, threshold, share(hysteresis)),
        `${name} of ${minute.operations} operations of the last minute is ${duration(value)}, above ${duration(threshold)}; the slowest are ${slowest}`,
      );
    },
  };
}

const errorRateJump: Rule = {
  name: 'error_rate_jump',
  severity: 'error',
  judge({ minute, hour }, { errorRateJump: times, hysteresis }) {
    const past = { operations: hour.operations - minute.operations, failed: hour.failed - minute.failed };
    if (times === null || minute.operations === 0 || past.operations < LEAST_OPERATIONS) return NONE;
    if (minute.operations < LEAST_OPERATIONS) return UNDECIDED;
    const [rate, pastRate] = [rateOf(minute), rateOf(past)];
    const isMuch = minute.failed >= LEAST_FAILURES && rate >= LEAST_ERROR_RATE;
    // A past without failures counts as the least rate that is worth an alert.
    const ratio = isMuch ? rate / Math.max(pastRate, LEAST_ERROR_RATE / times) : 0;
    return one(
      levelOf(ratio, times, share(hysteresis)),
      `${percent(rate)}% of the operations of the last minute failed, more than ${times} times the ${percent(pastRate)}% of the hour before (commonest: ${minute.errors[0]?.code ?? 'none'})`,
    );
  },
};

const poolUse: Rule = {
  name: 'pool_use',
  severity: 'warning',
  judge({ pool: { used, max } }, { poolUse: threshold, hysteresis }) {
    if (threshold === null) return NONE;
    return one(
      levelOf(percent(used / max), threshold, share(hysteresis)),
      `${used} of ${max} connections are in use, ${percent(used / max)}%, above ${threshold}%`,
    );
  },
};

const poolWaits: Rule = {
  name: 'pool_waits',
  severity: 'warning',
  judge({ poolWaits: waits }, { poolWaits: threshold, hysteresis }) {
    if (threshold === null) return NONE;
    if (waits === null) return null;
    return one(
      levelOf(waits, threshold, share(hysteresis)),
      `${Math.round(waits)} calls a minute wait for a connection, above ${threshold}`,
    );
  },
};

const cacheHitRate: Rule = {
  name: 'cache_hit_rate',
  severity: 'warning',
  judge({ cache }, { cacheHitRateDrop: threshold, hysteresis }) {
    if (threshold === null) return NONE;
    if (cache === null) return null;
    if (cache.recent.hits + cache.recent.misses === 0) return NONE;
    const [recent, past] = [hitRateOf(cache.recent), hitRateOf(cache.past)];
    if (recent === null || past === null || past === 0) return UNDECIDED;
    return one(
      levelOf(percent(1 - recent / past), threshold, share(hysteresis)),
      `${percent(recent)}% of the reads of the last five minutes were found in the cache, after ${percent(past)}% in the hour before: a fall by more than ${threshold}%`,
    );
  },
};

const replicaLag: Rule = {
  name: 'replica_lag',
  severity: 'warning',
  judge({ replica }, { replicaLagMs: threshold, hysteresis }) {
    if (threshold === null || replica === undefined) return NONE;
    return one(
      levelOf(replica.lagMs, threshold, share(hysteresis)),
      `The replica ${replica.name} is ${duration(replica.lagMs)} behind, above ${duration(threshold)}`,
    );
  },
};

const holdsOverdue: Rule = {
  name: 'holds_overdue',
  severity: 'warning',
  judge({ overdueMs }, { holdsOverdueMs: threshold, hysteresis }) {
    if (threshold === null) return NONE;
    return one(
      levelOf(overdueMs, threshold, share(hysteresis)),
      `The oldest hold that expired is not returned ${duration(overdueMs)} later, above ${duration(threshold)}`,
    );
  },
};

const audit: Rule = {
  name: 'audit',
  severity: 'error',
  isImmediate: true,
  judge({ audit: last }, { audit: isOn }) {
    if (!isOn || last === undefined) return NONE;
    return one(
      last.findings > 0 ? 'above' : 'below',
      `The audit of ${last.madeAt} found ${last.findings} rows at fault, above 0, by ${last.checks.join(', ')}`,
    );
  },
};

/** One alert for each check, whose subject is the name of the check. */
const doctor: Rule = {
  name: 'doctor',
  severity: 'error',
  judge({ hurts }, { doctor: isOn }) {
    if (!isOn) return NONE;
    if (hurts === null) return null;
    const byCheck = new Map<string, Hurt[]>();
    for (const hurt of hurts) byCheck.set(hurt.check, [...(byCheck.get(hurt.check) ?? []), hurt]);
    return new Map([...byCheck].map(([check, found]) => [check, { level: 'above', message: told(found) }]));
  },
};

function told([first, ...others]: readonly Hurt[]): string {
  if (first === undefined) return '';
  const more = others.length === 0 ? '' : ` (and ${others.length} more: see pincex doctor)`;
  return `${first.subject} ${first.message}${more}. ${first.remedy}`;
}

export const rules: readonly Rule[] = [
  successRate,
  p95,
  p99,
  errorRateJump,
  poolUse,
  poolWaits,
  cacheHitRate,
  replicaLag,
  holdsOverdue,
  audit,
  doctor,
];

const share = (percentage: number): number => percentage / 100;

/** A share as a percentage. Six digits hide what a division of floating-point numbers adds. */
const percent = (part: number): number => Number((part * 100).toPrecision(6));

const rateOf = ({ operations, failed }: { operations: number; failed: number }): number =>
  failed / operations;

function hitRateOf({ hits, misses }: CacheUse): number | null {
  return hits + misses < LEAST_CACHE_READS ? null : hits / (hits + misses);
}

/** The operation with the greatest value, and its value. */
function most(
  byOperation: Readonly<Record<string, OperationMetrics>>,
  valueOf: (metrics: OperationMetrics) => number,
): string {
  const [name = 'other'] =
    Object.entries(byOperation).toSorted(([, a], [, b]) => valueOf(b) - valueOf(a))[0] ?? [];
  return name;
}

function duration(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1_000)} s`;
}
