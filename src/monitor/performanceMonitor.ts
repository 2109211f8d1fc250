import { describe, messageOf } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import { OTHER } from './counts.ts';
import { codeOf } from './errorCodes.ts';
import type { PerformanceMetrics, RecordedBatch } from './figures.ts';
import { metricsOf } from './metrics.ts';
import { NotableBatches } from './notableBatches.ts';
import { performanceMetrics } from './performanceMetrics.ts';
import { SlidingTally, type Window, type WindowTally } from './slidingTally.ts';
import { summaryOf } from './summary.ts';
import { mergeTallies, totalOf, windowsOf, type Tallies } from './tallies.ts';
import type { EndedOperation } from './tally.ts';
import { raiseWarning } from '../warnings.ts';

/** An operation that was started and has not ended yet. */
export interface StartedOperation {
  readonly name: string;
  readonly items: number;
}

/** The end of an operation. */
export interface OperationEnd {
  /** Default: true if there is no `error`. */
  readonly success?: boolean | undefined;
  /** Default: the items that the operation was started with. */
  readonly itemsProcessed?: number | undefined;
  /** The error of an operation that failed; counted by its `code`, or its name if it has none. */
  readonly error?: unknown;
}

/** Is told of each operation that a monitor records, under the name that it counts as. @internal */
export interface OperationObserver {
  recorded(name: string, operation: EndedOperation): void;
  /** The monitor forgot all operations. */
  reset(): void;
}

export interface MetricsOptions {
  /** Whether to add up the figures of all processes that run on the database. Default: false, the figures of this process. */
  readonly all?: boolean | undefined;
}

const OPTIONS = namesOf<MetricsOptions>({ all: true });

/**
 * Measures operations: how many, how long, how many items, and how they end. Pincex measures its own batches and reads with
 * `pincex.monitor`; any other code can be measured with it too, or with a monitor of its own.
 *
 * Memory is bounded: beyond 100 names operations count as `other`, and so do error codes beyond 50.
 *
 * @example
 * ```ts
 * const monitor = new PerformanceMonitor();
 * await monitor.measure('import_orders', 100, async () => {
 *   // … your batch of 100 items
 * });
 * console.log(monitor.getMetrics().p99Ms, monitor.summary());
 * ```
 */
export class PerformanceMonitor {
  readonly #operations = new Map<string, SlidingTally>();
  /** When each started operation began, by `performance.now()`. */
  readonly #began = new WeakMap<StartedOperation, number>();
  readonly #notable = new NotableBatches();
  readonly #observers = new Set<OperationObserver>();
  readonly #others: (() => Promise<readonly Tallies[]>) | undefined;
  #startedAt = performance.now();

  constructor();
  /**
   * @param others reads the tallies of all other processes on the database
   * @internal
   */
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- The types of the package have the first signature only.
  constructor(others?: () => Promise<readonly Tallies[]>);
  constructor(others?: () => Promise<readonly Tallies[]>) {
    this.#others = others;
  }

  /**
   * Starts to measure an operation.
   *
   * @param name such as `import_orders`, 1 to 128 characters
   * @param items number of items, 0 or more. Default: 1
   * @throws PincexError `invalid_argument`
   */
  startOperation(name: string, items = 1): StartedOperation {
    requireName(name);
    requireItems('items', items);
    const operation = { name, items };
    this.#began.set(operation, performance.now());
    return operation;
  }

  /**
   * Ends an operation, once.
   *
   * @throws PincexError `invalid_argument`: the operation is not of this monitor, or has ended before
   */
  endOperation(operation: StartedOperation, end: OperationEnd = {}): void {
    const began = this.#began.get(operation);
    if (began === undefined) {
      const message = `endOperation takes an operation that startOperation of this monitor returned and that has not ended: got ${describe(operation)}`;
      throw new PincexError('invalid_argument', message);
    }
    const { error, success = error === undefined, itemsProcessed = operation.items } = end;
    requireItems('itemsProcessed', itemsProcessed);
    this.#began.delete(operation);
    this.record(operation.name, {
      durationMs: performance.now() - began,
      items: itemsProcessed,
      errorCode: success ? null : codeOf(error),
    });
  }

  /**
   * Measures `work`, and returns or throws what it does.
   *
   * @throws PincexError `invalid_argument`, before `work` runs
   */
  async measure<Result>(name: string, items: number, work: () => Promise<Result>): Promise<Result> {
    const operation = this.startOperation(name, items);
    let end: OperationEnd = {};
    try {
      return await work();
    } catch (error) {
      end = { success: false, error };
      throw error;
    } finally {
      this.endOperation(operation, end);
    }
  }

  /** Records an operation that was measured elsewhere. @internal */
  record(name: string, operation: EndedOperation): void {
    const now = performance.now();
    const isKnown = this.#operations.has(name) || this.#operations.size < limits.monitor.names;
    const key = isKnown ? name : OTHER;
    let tally = this.#operations.get(key);
    if (tally === undefined) this.#operations.set(key, (tally = new SlidingTally(this.#startedAt, now)));
    tally.add(operation, now);
    if (operation.batchId !== undefined) this.#notable.add(key, operation, now);
    for (const observer of this.#observers) this.#notify(observer, key, operation);
  }

  /** An observer that throws is not told any more: it must not fail the operation that was measured. */
  #notify(observer: OperationObserver, name: string, operation: EndedOperation): void {
    try {
      observer.recorded(name, operation);
    } catch (error) {
      this.#observers.delete(observer);
      const message = `An observer of operations threw, and is not told of further ones: ${messageOf(error)}`;
      raiseWarning('PINCEX_OBSERVER_THREW', message);
    }
  }

  /** Tells an observer, until the returned function is called. @internal */
  observe(observer: OperationObserver): () => void {
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  /** Figures of all operations together, and of each by its name. */
  getMetrics(options?: MetricsOptions & { readonly all?: false | undefined }): PerformanceMetrics;
  /**
   * The same figures, added up over all processes that run on the database of this Pincex. Those of other processes are up to
   * ten seconds old. `seconds` is the time that the process covers which has measured for the longest.
   *
   * @throws PincexError `invalid_argument` if the monitor is not that of a Pincex, `database_unavailable`, `database_refused`
   */
  getMetrics(options: MetricsOptions & { readonly all: true }): Promise<PerformanceMetrics>;
  getMetrics(options?: MetricsOptions): PerformanceMetrics | Promise<PerformanceMetrics> {
    const { all = false } = readOptions('getMetrics', options, OPTIONS);
    if (typeof all !== 'boolean') {
      throw new PincexError('invalid_argument', `all must be true or false: got ${describe(all)}`);
    }
    return all ? this.#metricsOfAll() : performanceMetrics(this.allTallies());
  }

  async #metricsOfAll(): Promise<PerformanceMetrics> {
    if (this.#others === undefined) {
      const message =
        'getMetrics({ all: true }) needs the monitor of a Pincex, pincex.monitor: this one has no database';
      throw new PincexError('invalid_argument', message);
    }
    const others = await this.#others();
    return performanceMetrics(mergeTallies([this.allTallies(), ...others]));
  }

  /** Share of the operations that succeeded since the start, from 0 to 1; 1 if there were none. */
  getSuccessRate(): number {
    return metricsOf(totalOf(this.tallies('start').values())).successRate;
  }

  /** The same for the operations of one name. */
  getOperationSuccessRate(name: string): number {
    requireName(name);
    const now = performance.now();
    const tally = this.#operations.get(name);
    return tally === undefined ? 1 : metricsOf(tally.over('start', now)).successRate;
  }

  /** Forgets all operations. */
  reset(): void {
    this.#operations.clear();
    this.#notable.reset();
    this.#startedAt = performance.now();
    for (const observer of this.#observers) observer.reset();
  }

  /** Tallies of each operation over a window. @internal */
  tallies(window: Window): ReadonlyMap<string, WindowTally> {
    const now = performance.now();
    return new Map([...this.#operations].map(([name, tally]) => [name, tally.over(window, now)]));
  }

  /** Tallies of each operation over all windows. @internal */
  allTallies(): Tallies {
    const now = performance.now();
    return new Map(
      [...this.#operations].map(([name, tally]) => [name, windowsOf((window) => tally.over(window, now))]),
    );
  }

  /** The batches of this process that are worth a look, the newest first. @internal */
  notableBatches(): RecordedBatch[] {
    return this.#notable.list(performance.now());
  }

  /** The figures as a table of text, an operation a line. */
  summary(): string {
    return summaryOf(this.getMetrics());
  }
}

function requireName(name: string): void {
  const isText = typeof name === 'string' && name.length > 0 && name.length <= limits.monitor.nameLength;
  // PostgreSQL stores neither NUL nor half a surrogate pair.
  if (isText && name.isWellFormed() && !/\p{Cc}/u.test(name)) return;
  const message = `name must be a text of 1 to ${limits.monitor.nameLength} characters without control characters, such as import_orders: got ${describe(name)}`;
  throw new PincexError('invalid_argument', message);
}

function requireItems(argument: string, items: number): void {
  if (Number.isSafeInteger(items) && items >= 0) return;
  throw new PincexError(
    'invalid_argument',
    `${argument} must be a whole number of 0 or more: got ${describe(items)}`,
  );
}
