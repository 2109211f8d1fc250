import type pg from 'pg';
import { REPORT_EVERY_MS, type Report } from './reporter.ts';
import { withOwnConnection } from './connection.ts';
import type { ProcessStatistics } from './statistics.ts';
import { restoreTallies, type Tallies } from './tallies.ts';

/** A process counts as ended after this time without a report: three reports. */
export const LIVE_MS = 3 * REPORT_EVERY_MS;

/** A process as it last reported. Times are those of the database's clock. */
interface Reported {
  readonly id: string;
  readonly startedAt: Date;
  readonly seenAt: Date;
  /** Milliseconds since its report. */
  readonly ageMs: number;
  readonly deadlocksAtStart: number;
}

/** A process that runs. */
export interface LiveProcess extends Reported {
  readonly isLive: true;
  readonly report: Report;
}

/** A process that ended, or has not reported for too long. */
interface EndedProcess extends Reported {
  readonly isLive: false;
  readonly report: ProcessStatistics;
}

export type ReportedProcess = LiveProcess | EndedProcess;

/** The last report of a process that ends has no operations. */
export const readProcesses = {
  name: 'read-processes',
  text: `
    SELECT id, started_at AS "startedAt", seen_at AS "seenAt",
      greatest(extract(epoch FROM now() - seen_at) * 1000, 0)::float8 AS "ageMs",
      deadlocks_at_start::float8 AS "deadlocksAtStart", statistics AS report, is_live AS "isLive"
    FROM (
      SELECT *, seen_at > now() - $1::float8 * interval '1 millisecond' AND statistics ? 'operations' AS is_live
      FROM processes
    ) AS p
    WHERE is_live OR seen_at = (SELECT max(seen_at) FROM processes)
    ORDER BY started_at, id`,
};

/** Every process that runs, and the one that reported last, the oldest first. */
export async function reportedProcesses(client: pg.ClientBase): Promise<ReportedProcess[]> {
  const { text } = readProcesses;
  return (await client.query<ReportedProcess>({ text, values: [LIVE_MS] })).rows;
}

/** Every process that runs, the oldest first. */
export const liveProcesses = async (client: pg.ClientBase): Promise<LiveProcess[]> =>
  onlyLive(await reportedProcesses(client));

export const onlyLive = (processes: readonly ReportedProcess[]): LiveProcess[] =>
  processes.filter((process) => process.isLive);

/**
 * The tallies of every process that runs, except one.
 *
 * @throws PincexError
 */
export async function talliesOfOthers(url: string, own: string): Promise<Tallies[]> {
  const live = await withOwnConnection(url, liveProcesses);
  return live.filter(({ id }) => id !== own).map(({ report }) => restoreTallies(report.operations));
}
