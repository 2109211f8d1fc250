import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { withClient } from '../database/client.ts';
import type { Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';
import type { Statistics } from './statistics.ts';

/** How often a process writes its counters, in milliseconds. */
export const REPORT_EVERY_MS = 10_000;

const FORGET_AFTER_MS = 24 * 60 * 60_000;

/** How long a report may take, and thus delay `close`, in milliseconds. */
const TIMEOUT_MS = 5_000;

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
 * Writes the counters of a process to the database, so that `pincex doctor` sees them from a shell. Each report has a
 * short connection of its own: it must get through when the pool is exhausted, and must not add to the statements of a
 * batch. A report that fails is counted and fails no call; the next one has the same counters. On the same connection the
 * process refreshes its reference data, which other processes may have changed.
 */
export class Reporter {
  readonly #url: string;
  readonly #statistics: Statistics;
  readonly #refresh: (session: Session) => Promise<void>;
  readonly #id = uuidv7();
  readonly #startedAt = new Date();
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

  async #write(before: readonly pg.QueryConfig[]): Promise<void> {
    const config = {
      connectionString: this.#url,
      application_name: 'pincex statistics',
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    };
    await withClient(config, async (client) => {
      for (const query of before) await client.query(query);
      const times = [this.#startedAt, new Date()].map((time) => time.toISOString());
      const statistics = JSON.stringify({
        ...this.#statistics.snapshot(),
        ...(this.#ended && { ended: true }),
      });
      // The statement has no name, so that no prepared statement stays behind in the session of a pooler.
      await client.query({ text: writeProcess.text, values: [this.#id, ...times, statistics] });
      await this.#refresh({
        query: async <Row>({ text }: Statement, values?: readonly (string | null)[]) =>
          (await client.query({ text, ...(values && { values: [...values] }) })).rows as Row[],
      });
    });
  }
}
