import { hostname } from 'node:os';
import type pg from 'pg';
import type { Session } from '../database/database.ts';
import { sessionOn, withOwnConnection } from './connection.ts';
import { EncodedDurations } from './encodedDurations.ts';
import type { ProcessStatistics, Statistics } from './statistics.ts';
import { storeTallies, type StoredTallies } from './tallies.ts';

/** How often a process writes its counters, in milliseconds. */
export const REPORT_EVERY_MS = 10_000;

const FORGET_AFTER_MS = 24 * 60 * 60_000;

/** The column `statistics` of a process that runs. */
export interface Report extends ProcessStatistics {
  readonly host: string;
  readonly pid: number;
  readonly operations: StoredTallies;
}

export const writeProcess = {
  name: 'write-process',
  text: `
    INSERT INTO processes (id, started_at, seen_at, deadlocks_at_start, statistics)
    SELECT $1::uuid, $2::timestamptz, $3::timestamptz, deadlocks, $4::jsonb
    FROM pg_stat_database
    WHERE datname = current_database()
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, statistics = excluded.statistics`,
};

export const deleteOldProcesses = {
  name: 'delete-old-processes',
  text: 'DELETE FROM processes WHERE seen_at < $1::timestamptz',
};

/**
 * Writes the counters of a process to the database, so that other processes and shells see them: `getMetrics({ all: true })`,
 * `pincex top`, `pincex doctor`. A report that fails is counted and fails no call; the next one has the same counters. On the same connection the
 * process refreshes its reference data, which other processes may have changed.
 */
export class Reporter {
  readonly #url: string;
  readonly #statistics: Statistics;
  readonly #refresh: (session: Session) => Promise<void>;
  readonly #startedAt = new Date();
  readonly #encoded = new EncodedDurations();
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | undefined;

  constructor(
    url: string,
    statistics: Statistics,
    refresh: (session: Session) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#url = url;
    this.#statistics = statistics;
    this.#refresh = refresh;
  }

  /** Reports for the first time, deletes the rows of processes that ended long ago, and starts the timer of the reports. */
  async start(): Promise<void> {
    const longAgo = new Date(this.#startedAt.getTime() - FORGET_AFTER_MS);
    await this.#next({ text: deleteOldProcesses.text, values: [longAgo.toISOString()] });
    this.#timer = setInterval(() => {
      if (this.#underWay === undefined) void this.report();
    }, REPORT_EVERY_MS).unref();
  }

  /** Reports now, after a report that is in flight. */
  report(): Promise<void> {
    return this.#next();
  }

  /** Reports for the last time, with the mark that the process ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ended = true;
    await this.report();
  }

  #next(...before: readonly pg.QueryConfig[]): Promise<void> {
    const report = (this.#underWay ?? Promise.resolve())
      .then(() => this.#write(before))
      .catch(() => {
        this.#statistics.reportFailure();
      })
      .finally(() => {
        if (this.#underWay === report) this.#underWay = undefined;
      });
    this.#underWay = report;
    return report;
  }

  #report(): Report | (ProcessStatistics & { readonly ended: true }) {
    const counters = this.#statistics.snapshot();
    if (this.#ended) return { ...counters, ended: true };
    const operations = storeTallies(this.#statistics.monitor.allTallies(), this.#encoded);
    return { ...counters, host: hostname(), pid: process.pid, operations };
  }

  async #write(before: readonly pg.QueryConfig[]): Promise<void> {
    await withOwnConnection(this.#url, async (client) => {
      for (const query of before) await client.query(query);
      const times = [this.#startedAt, new Date()].map((time) => time.toISOString());
      const { id } = this.#statistics;
      // The statement has no name, so that no prepared statement stays behind in the session of a pooler.
      await client.query({ text: writeProcess.text, values: [id, ...times, JSON.stringify(this.#report())] });
      await this.#refresh(sessionOn(client));
    });
  }
}
