import { hostname } from 'node:os';
import type { Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';
import type { RecordedBatch } from './figures.ts';
import { reportedBatches } from './notableBatches.ts';
import { sessionOn, withOwnConnection } from './connection.ts';
import { EncodedDurations } from './encodedDurations.ts';
import type { ProcessStatistics, Statistics } from './statistics.ts';
import { storeTallies, type StoredTallies } from './tallies.ts';

/** How often a process writes its counters, in milliseconds. */
export const REPORT_EVERY_MS = 10_000;

/** The column `statistics` of a process that runs. */
export interface Report extends ProcessStatistics {
  readonly host: string;
  readonly pid: number;
  readonly operations: StoredTallies;
  /** Absent in the reports of older versions. */
  readonly notable?: readonly RecordedBatch[];
}

/** The clock is that of the database, by which all processes judge whether this one still runs. */
export const writeProcess = {
  name: 'write-process',
  text: `
    INSERT INTO processes (id, started_at, seen_at, deadlocks_at_start, statistics)
    SELECT $1::uuid, now(), now(), deadlocks, $2::jsonb
    FROM pg_stat_database
    WHERE datname = current_database()
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, statistics = excluded.statistics`,
};

export const deleteOldProcesses = {
  name: 'delete-old-processes',
  text: `DELETE FROM processes WHERE seen_at < now() - interval '1 day'`,
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
    await this.#next(deleteOldProcesses);
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

  #next(...before: readonly Statement[]): Promise<void> {
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
    const { monitor } = this.#statistics;
    const operations = storeTallies(monitor.allTallies(), this.#encoded);
    const notable = reportedBatches(monitor.notableBatches());
    return { ...counters, host: hostname(), pid: process.pid, operations, notable };
  }

  async #write(before: readonly Statement[]): Promise<void> {
    await withOwnConnection(this.#url, async (client) => {
      for (const { text } of before) await client.query({ text });
      const { id } = this.#statistics;
      // The statements have no names, so that no prepared statement stays behind in the session of a pooler.
      await client.query({ text: writeProcess.text, values: [id, JSON.stringify(this.#report())] });
      await this.#refresh(sessionOn(client));
    });
  }
}
