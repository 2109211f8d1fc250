import type pg from 'pg';
import { REPORT_EVERY_MS, type Report } from './reporter.ts';
import { withOwnConnection } from './connection.ts';
import { restoreTallies, type Tallies } from './tallies.ts';

/** A process counts as ended after this time without a report: three reports. */
export const LIVE_MS = 3 * REPORT_EVERY_MS;

/** A process that runs, as it last reported. */
export interface LiveProcess {
  readonly id: string;
  readonly startedAt: Date;
  /** Milliseconds since its report. */
  readonly ageMs: number;
  readonly report: Report;
}

/** The last report of a process that ends has no operations. */
export const readLiveProcesses = {
  name: 'read-live-processes',
  text: `
    SELECT id, started_at AS "startedAt",
      greatest(extract(epoch FROM now() - seen_at) * 1000, 0)::float8 AS "ageMs", statistics AS report
    FROM processes
    WHERE seen_at > now() - $1::float8 * interval '1 millisecond' AND statistics ? 'operations'
    ORDER BY started_at, id`,
};

/** Every process that runs, the oldest first. */
export async function liveProcesses(client: pg.ClientBase): Promise<LiveProcess[]> {
  const { text } = readLiveProcesses;
  return (await client.query<LiveProcess>({ text, values: [LIVE_MS] })).rows;
}

/**
 * The tallies of every process that runs, except one.
 *
 * @throws PincexError
 */
export async function talliesOfOthers(url: string, own: string): Promise<Tallies[]> {
  return talliesExcept(await withOwnConnection(url, liveProcesses), own);
}

export const talliesExcept = (live: readonly LiveProcess[], own: string): Tallies[] =>
  live.filter(({ id }) => id !== own).map(({ report }) => restoreTallies(report.operations));
