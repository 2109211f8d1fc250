import { AsyncLocalStorage } from 'node:async_hooks';
import { pino } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import type { PoolState } from './database/database.ts';
import { listen, nameWork, type ReadRun, type StatementRun, type Stop } from './diagnostics.ts';
import { rounded } from './duration.ts';
import type { BatchResult } from './results.ts';

/** Writes one line of a log. */
export interface LogLine {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** A logger of pino, or one with the same methods. */
export interface Logger {
  level: string;
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  readonly silent: LogLine;
  /** The same, with these fields in every line. */
  child(fields: Record<string, unknown>): Logger;
}

/** The default logger: JSON lines on standard error, since standard output is for results. */
function ownLogger(): Logger {
  return pino({ name: 'pincex', level: 'debug' }, pino.destination({ dest: 2, sync: true }));
}

/**
 * The debug log. All lines of a batch have its id as their `traceId`, and all lines of a read share one of their own. It never
 * contains URLs, which may have passwords, and the values of statements only if the configuration says so.
 */
export class DebugLog {
  readonly #logger: Logger;
  readonly #showsValues: boolean;
  readonly #traces = new AsyncLocalStorage<string | undefined>();

  constructor(showsValues: boolean, logger: Logger = ownLogger()) {
    this.#logger = logger;
    this.#showsValues = showsValues;
  }

  /**
   * Logs the work of one Pincex until the returned function is called. Every line that is logged while a batch or a read runs
   * has its `traceId`.
   *
   * @param pool reads the state of the pool
   */
  listenTo(instance: string, pool: () => PoolState): Stop {
    const stopNaming = nameWork(instance, this.#traces, (batchId = uuidv7()) => batchId);
    const stop = listen(instance, {
      statement: (run) => {
        this.#statement(run);
      },
      batch: (result) => {
        this.#batch(result, pool());
      },
      read: (run) => {
        this.#read(run, pool());
      },
      cacheFailure: ({ error }) => {
        this.#cacheFailure(error);
      },
    });
    return () => {
      stop();
      stopNaming();
    };
  }

  #statement({ name, server, text, values, durationMs, rows }: StatementRun): void {
    this.#logger.debug(
      {
        traceId: this.#traces.getStore(),
        statement: name,
        server,
        sql: text,
        values: this.#showsValues ? values : values.length,
        durationMs: rounded(durationMs),
        rows,
      },
      'statement',
    );
  }

  #batch({ batchId, mode, status, counts, durationMs }: BatchResult<unknown>, pool: PoolState): void {
    this.#logger.debug({ traceId: batchId, batchId, mode, status, counts, durationMs, pool }, 'batch');
  }

  #read({ kind, keys, hits, durationMs }: ReadRun, pool: PoolState): void {
    const misses = keys - hits;
    this.#logger.debug(
      { traceId: this.#traces.getStore(), kind, keys, hits, misses, durationMs: rounded(durationMs), pool },
      'read',
    );
  }

  /** A call went on without Redis. */
  #cacheFailure(error: unknown): void {
    this.#logger.warn({ traceId: this.#traces.getStore(), err: error }, 'cache');
  }
}
