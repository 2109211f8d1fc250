import { AsyncLocalStorage } from 'node:async_hooks';
import { pino } from 'pino';
import type { PoolState, StatementRun } from './database/database.ts';
import type { ReadRun } from './repository/repository.ts';
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
  readonly #traces = new AsyncLocalStorage<string>();

  constructor(showsValues: boolean, logger: Logger = ownLogger()) {
    this.#logger = logger;
    this.#showsValues = showsValues;
  }

  /** Runs `work` under the name of a batch or a read: all that is logged meanwhile bears it. */
  trace<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    return this.#traces.run(id, work);
  }

  statement({ name, server, text, values, durationMs, rows }: StatementRun): void {
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

  batch({ batchId, mode, status, counts, durationMs }: BatchResult<unknown>, pool: PoolState): void {
    this.#logger.debug({ traceId: batchId, batchId, mode, status, counts, durationMs, pool }, 'batch');
  }

  read({ kind, keys, hits, durationMs }: ReadRun, pool: PoolState): void {
    const misses = keys - hits;
    this.#logger.debug(
      { traceId: this.#traces.getStore(), kind, keys, hits, misses, durationMs: rounded(durationMs), pool },
      'read',
    );
  }

  /** Something was done without Redis. */
  cacheFailure(error: unknown): void {
    this.#logger.warn({ traceId: this.#traces.getStore(), err: error }, 'cache');
  }
}
