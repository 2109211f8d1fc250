import type { AlertSeverity } from '../alert.ts';
import type { AlertsConfig } from '../config/load.ts';
import type { OperationMetrics } from '../monitor/figures.ts';
import { levelOf, type Judgement, type Level } from './lifecycle.ts';
import type { CacheUse, Figures, Hurt, Observation, ObservedProcess } from './observation.ts';

/** A condition that raises alerts. */
export interface Rule {
  readonly name: string;
  readonly severity: AlertSeverity;
  /** Set if the condition fires, and is resolved, without waiting for `alerts.for`. */
  readonly isImmediate?: true;
  /**
   * Judgements by subject; a subject that is missing is below. Null: the condition was not observed, and its alerts stay as they
   * are. A rule whose threshold is `none` has no judgements.
   */
  judge(observation: Observation, config: AlertsConfig): ReadonlyMap<string, Judgement> | null;
}

/** Operations from which on their rates and percentiles mean something. */
const LEAST_OPERATIONS = 20;
/** Failed operations, and their share, from which on a jump is worth an alert. */
const LEAST_FAILURES = 5;
const LEAST_ERROR_RATE = 0.01;
/** Reads of the cache from which on their hit rate means something. */
const LEAST_CACHE_READS = 1_000;

const judgementOf = (level: Level, message: string): Judgement => ({
  level,
  message: level === 'above' ? message : '',
});
const one = (level: Level, message: string): ReadonlyMap<string, Judgement> =>
  new Map([['', judgementOf(level, message)]]);

const NONE: ReadonlyMap<string, Judgement> = new Map();
/** Too little is known to begin an alert or to end one. */
const UNDECIDED: Judgement = { level: 'between', message: '' };
const TOO_FEW: Judgement = {
  level: 'below',
  message: `Fewer than ${LEAST_OPERATIONS} operations were counted in the last hour: too few to judge`,
};
const UNREAD: Judgement = { level: 'below', message: 'The cache was not read in the last five minutes' };

/** The figures that operations are judged by. */
interface Recent {
  readonly window: keyof Figures;
  /** The window in words. */
  readonly time: string;
  readonly metrics: OperationMetrics;
}

const RECENT = [
  { window: 'minute', time: 'minute' },
  { window: 'fiveMinutes', time: 'five minutes' },
] as const;

/**
 * Judges operations by the last minute, or by the last five if the minute has too few. If these have too few as well, nothing
 * begins or ends: a service that fails everything loses its calls. After an hour with too few, nothing is left to judge.
 */
function judgeRecent(
  { operations }: Observation,
  judge: (recent: Recent) => Judgement,
): ReadonlyMap<string, Judgement> {
  const isEnough = (window: keyof Figures): boolean => operations[window].operations >= LEAST_OPERATIONS;
  const recent = RECENT.find(({ window }) => isEnough(window));
  if (recent !== undefined) return new Map([['', judge({ ...recent, metrics: operations[recent.window] })]]);
  return new Map([['', isEnough('hour') ? UNDECIDED : TOO_FEW]]);
}

const successRate: Rule = {
  name: 'success_rate',
  severity: 'error',
  judge(observation, { successRate: least, hysteresis }) {
    if (least === null) return NONE;
    return judgeRecent(observation, ({ window, time, metrics }) => {
      const failing = most(observation, window, ({ failed }) => failed);
      const codes = metrics.errors.slice(0, 3).map(({ code, count }) => `${code} ${count}`);
      return judgementOf(
        levelOf(percent(1 - metrics.successRate), 100 - least, share(hysteresis)),
        `${percent(metrics.successRate)}% of ${metrics.operations} operations of the last ${time} succeeded, below ${least}%; ${metrics.failed} failed (${codes.join(', ')}), most of ${failing}`,
      );
    });
  },
};

const p95 = percentileRule('p95', ({ p95Ms }) => p95Ms);
const p99 = percentileRule('p99', ({ p99Ms }) => p99Ms);

function percentileRule(name: 'p95' | 'p99', valueOf: (metrics: OperationMetrics) => number | null): Rule {
  return {
    name,
    severity: 'warning',
    judge(observation, { [`${name}Ms` as const]: threshold, hysteresis }) {
      if (threshold === null) return NONE;
      return judgeRecent(observation, ({ window, time, metrics }) => {
        const value = valueOf(metrics) ?? 0;
        const slowest = most(observation, window, (one) => valueOf(one) ?? 0);
        return judgementOf(
          levelOf(value, threshold, share(hysteresis)),
          `${name} of ${metrics.operations} operations of the last ${time} is ${duration(value)}, above ${duration(threshold)}; the slowest are ${slowest}`,
        );
      });
    },
  };
}

const errorRateJump: Rule = {
  name: 'error_rate_jump',
  severity: 'error',
  judge(observation, { errorRateJump: times, hysteresis }) {
    if (times === null) return NONE;
    return judgeRecent(observation, ({ time, metrics }) => {
      const { hour } = observation.operations;
      const past = { operations: hour.operations - metrics.operations, failed: hour.failed - metrics.failed };
      if (past.operations < LEAST_OPERATIONS) return UNDECIDED;
      const [rate, pastRate] = [rateOf(metrics), rateOf(past)];
      const isMuch = metrics.failed >= LEAST_FAILURES && rate >= LEAST_ERROR_RATE;
      // A past without failures counts as the least rate that is worth an alert.
      const ratio = isMuch ? rate / Math.max(pastRate, LEAST_ERROR_RATE / times) : 0;
      return judgementOf(
        levelOf(ratio, times, share(hysteresis)),
        `${percent(rate)}% of the operations of the last ${time} failed, more than ${times} times the ${percent(pastRate)}% of the hour before (commonest: ${metrics.errors[0]?.code ?? 'none'})`,
      );
    });
  },
};

/** The order in which judgements of processes with one name count. */
const LEVELS: readonly Level[] = ['below', 'between', 'above'];

/** Judges each process; its name is the subject. */
function judgeEach(
  processes: readonly ObservedProcess[],
  judge: (process: ObservedProcess) => Judgement,
): ReadonlyMap<string, Judgement> {
  const judged = processes.map((process) => [process.name, judge(process)] as const);
  return new Map(judged.toSorted(([, a], [, b]) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level)));
}

const poolUse: Rule = {
  name: 'pool_use',
  severity: 'warning',
  judge({ processes }, { poolUse: threshold, hysteresis }) {
    if (threshold === null) return NONE;
    return judgeEach(processes, ({ pool: { inUse, max } }) =>
      judgementOf(
        levelOf(percent(inUse / max), threshold, share(hysteresis)),
        `${inUse} of ${max} connections are in use, ${percent(inUse / max)}%, above ${threshold}%`,
      ),
    );
  },
};

const poolWaits: Rule = {
  name: 'pool_waits',
  severity: 'warning',
  judge({ processes }, { poolWaits: threshold, hysteresis }) {
    if (threshold === null) return NONE;
    return judgeEach(processes, ({ poolWaits: waits }) => {
      if (waits === null) return UNDECIDED;
      return judgementOf(
        levelOf(waits, threshold, share(hysteresis)),
        `${Math.round(waits)} calls a minute wait for a connection, above ${threshold}`,
      );
    });
  },
};

const cacheHitRate: Rule = {
  name: 'cache_hit_rate',
  severity: 'warning',
  judge({ processes }, { cacheHitRateDrop: threshold, hysteresis }) {
    if (threshold === null) return NONE;
    return judgeEach(processes, ({ cache }) => {
      if (cache === null) return UNDECIDED;
      if (cache.recent.hits + cache.recent.misses === 0) return UNREAD;
      const [recent, past] = [hitRateOf(cache.recent), hitRateOf(cache.past)];
      if (recent === null || past === null || past === 0) return UNDECIDED;
      return judgementOf(
        levelOf(percent(1 - recent / past), threshold, share(hysteresis)),
        `${percent(recent)}% of the reads of the last five minutes were found in the cache, after ${percent(past)}% in the hour before: a fall by more than ${threshold}%`,
      );
    });
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

/** The operation with the greatest value. */
function most(
  { byOperation }: Observation,
  window: keyof Figures,
  valueOf: (metrics: OperationMetrics) => number,
): string {
  const values = Object.entries(byOperation).map(
    ([name, figures]) => [name, valueOf(figures[window])] as const,
  );
  const [name = 'other'] = values.toSorted(([, a], [, b]) => b - a)[0] ?? [];
  return name;
}

function duration(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1_000)} s`;
}
