import { loadConfig, PerformanceMonitor, type AlertsConfig, type OperationMetrics } from '../../src/index.ts';
import { evaluate, type Changes } from '../../src/alerts/evaluation.ts';
import type { Tracked } from '../../src/alerts/lifecycle.ts';
import type { Figures, Observation, ObservedProcess } from '../../src/alerts/observation.ts';

export const defaults: AlertsConfig = loadConfig({ env: {}, cwd: import.meta.dirname }).alerts;

const idle = new PerformanceMonitor().getMetrics().windows.minute;

/** Figures of operations, of which `failed` failed with the code `conflict`. */
export function operations(
  count: number,
  failed = 0,
  durations: Partial<Pick<OperationMetrics, 'p95Ms' | 'p99Ms'>> = {},
): OperationMetrics {
  return {
    ...idle,
    operations: count,
    succeeded: count - failed,
    failed,
    successRate: count === 0 ? 1 : (count - failed) / count,
    errors: failed === 0 ? [] : [{ code: 'conflict', count: failed, rate: failed / count }],
    ...durations,
  };
}

/** Figures that are the same over each window, unless the test says otherwise: a longer one is then like the next shorter. */
export function figures({
  minute = idle,
  fiveMinutes = minute,
  hour = fiveMinutes,
}: Partial<Figures> = {}): Figures {
  return { minute, fiveMinutes, hour };
}

/** A process in which nothing is wrong, but for what the test says. */
export const processWith = (different: Partial<ObservedProcess>): ObservedProcess => ({
  name: 'host:1',
  pool: { inUse: 0, max: 10 },
  poolWaits: 0,
  cache: null,
  ...different,
});

/** The parts of an observation that differ from the usual; `minute` and the others are figures of all operations. */
export type Different = Partial<Omit<Observation, 'operations'> & Figures>;

/** An observation in which nothing is wrong, but for what the test says. */
export function observed({ minute, fiveMinutes, hour, ...different }: Different = {}): Observation {
  return {
    operations: figures({
      ...(minute && { minute }),
      ...(fiveMinutes && { fiveMinutes }),
      ...(hour && { hour }),
    }),
    byOperation: {},
    processes: [processWith({})],
    replica: undefined,
    overdueMs: 0,
    audit: undefined,
    hurts: [],
    ...different,
  };
}

/** Judges one observation after another, with a clock that the test holds. */
export class Series {
  readonly #config: AlertsConfig;
  now = Date.parse('2030-01-01T00:00:00Z');
  open: readonly Tracked[] = [];
  /** Every event, such as `firing pool_use`. */
  readonly events: string[] = [];

  constructor(config: Partial<AlertsConfig> = {}) {
    this.#config = { ...defaults, ...config };
  }

  /** Lets time pass in which nobody judges. */
  interrupt(passedMs: number): void {
    this.now += passedMs;
  }

  /** Judges an observation, `passedMs` after the last one, and returns its events. Until then the judging saw nothing new. */
  judge(different: Different, passedMs = 10_000): string[] {
    this.now += passedMs;
    this.open = this.open.map((alert) => ({ ...alert, judgedAt: alert.judgedAt + passedMs }));
    const changes = this.evaluate(different);
    const gone = new Set([...changes.forgotten, ...changes.written].map(({ id }) => id));
    this.open = [
      ...this.open.filter(({ id }) => !gone.has(id)),
      ...changes.written.filter(({ state }) => state !== 'resolved'),
    ];
    const events = changes.told.map(({ state, rule, subject }) => [state, rule, subject].join(' ').trim());
    this.events.push(...events);
    return events;
  }

  /** The changes that an observation makes now, which are not kept. */
  evaluate(different: Different): Changes {
    return evaluate(this.open, observed(different), this.#config, this.now);
  }

  /** The states and rules of the open alerts. */
  get states(): string[] {
    return this.open.map(({ state, rule, subject }) => [state, rule, subject].join(' ').trim());
  }

  /** The message of the only open alert. */
  get message(): string {
    return this.open.map(({ message }) => message).join('\n');
  }
}
