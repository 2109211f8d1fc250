import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { withClient } from '../database/client.ts';
import type { Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';
import type { Statistics } from './statistics.ts';

/** How often a process writes what it counted, in milliseconds. */
export const REPORT_EVERY_MS = 10_000;

const FORGET_AFTER_MS = 24 * 60 * 60_000;

/** For how long a report may keep somebody who closes waiting, in milliseconds. */
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
 * Leaves what a process counts in the database, so that `pincex doctor` sees it from a shell. Each report has a
 * short connection of its own: the pool may be what the report is about, and a batch's statements stay the
 * batch's. A report that fails is counted and fails nobody; the next one has all that it had. On the same connection the
 * process hears what others changed that it keeps.
 */
export class Reporter {
  readonly #url: string;
  readonly #statistics: Statistics;
  readonly #hear: (session: Session) => Promise<void>;
  readonly #id = uuidv7();
  readonly #startedAt = new Date();
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | undefined;

  constructor(
    url: string,
    statistics: Statistics,
    hear: (session: Session) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#url = url;
    this.#statistics = statistics;
    this.#hear = hear;
  }

  /** Reports for the first time, removes what long ended processes left, and goes on by itself. */
  async start(): Promise<void> {
    const longAgo = new Date(this.#startedAt.getTime() - FORGET_AFTER_MS);
    await this.#next({ text: deleteOldProcesses.text, values: [longAgo.toISOString()] });
    this.#timer = setInterval(() => {
      if (this.#underWay === undefined) void this.report();
    }, REPORT_EVERY_MS).unref();
  }

  /** Reports now, behind a report that is under way. */
  report(): Promise<void> {
    return this.#next();
  }

  /** Reports for the last time, and that it ended. */
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
      // Without a name: nothing stays behind in a session that a pooler lends.
      await client.query({ text: writeProcess.text, values: [this.#id, ...times, statistics] });
      await this.#hear({
        query: async <Row>({ text }: Statement, values?: readonly (string | null)[]) =>
          (await client.query({ text, ...(values && { values: [...values] }) })).rows as Row[],
      });
    });
  }
}
