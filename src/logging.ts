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

/** Takes log lines: a pino logger, or one with the same methods. */
export interface Logger {
  level: string;
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  readonly silent: LogLine;
  /** A logger that adds these fields to every line. */
  child(fields: Record<string, unknown>): Logger;
}

/** The logger if the caller gives none: JSON lines on standard error, since standard output is for results. */
function defaultLogger(): Logger {
  return pino({ name: 'pincex', level: 'debug' }, pino.destination({ dest: 2, sync: true }));
}

/**
 * Logs statements, batches and reads, to find the cause of a problem. All lines of a batch have its id as their `traceId`, and
 * those of a read have one of their own. URLs, which may contain passwords, are never logged; the values of statements are
 * logged only if that is configured.
 */
export class DebugLog {
  readonly #logger: Logger;
  readonly #showsValues: boolean;
  readonly #traces = new AsyncLocalStorage<string | undefined>();

  constructor(showsValues: boolean, logger: Logger = defaultLogger()) {
    this.#logger = logger;
    this.#showsValues = showsValues;
  }

  /**
   * Logs the messages of one Pincex, until the returned function is called. Lines that are logged while a batch or a read
   * runs have its `traceId`.
   *
   * @param pool returns the state of its connections
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

  #cacheFailure(error: unknown): void {
    this.#logger.warn({ traceId: this.#traces.getStore(), err: error }, 'cache');
  }
}
