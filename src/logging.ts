import { AsyncLocalStorage } from 'node:async_hooks';
import { pino } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import type { PoolState } from './database/database.ts';
import { listen, nameWork, type ReadRun, type StatementRun, type Stop } from './diagnostics.ts';
import { rounded } from './duration.ts';
import type { BatchResult } from './results.ts';

/** One line of a log. */
export interface LogLine {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** Takes log lines: a logger of pino, or one that is called as it is. */
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

/** The log of a process that was given none: JSON lines on standard error, since standard output is for results. */
function ownLogger(): Logger {
  return pino({ name: 'pincex', level: 'debug' }, pino.destination({ dest: 2, sync: true }));
}

/**
 * Says what is done, for whoever looks at a problem. All lines of a batch bear its id as their `traceId`, and those of
 * a read one of its own. URLs, and so passwords, are never in it; the values of statements only where that is wanted.
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
   * Logs what one Pincex does, until the returned function is called. All that is logged while a batch or a read runs
   * bears its name.
   *
   * @param pool tells how its connections are
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

  /** Something was done without Redis. */
  #cacheFailure(error: unknown): void {
    this.#logger.warn({ traceId: this.#traces.getStore(), err: error }, 'cache');
  }
}
