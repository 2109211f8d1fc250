import type pg from 'pg';
import type { ReportedProcess } from '../monitor/processes.ts';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

/** The installation that the doctor looks at. */
export interface Patient {
  /** A connection of the doctor's own, as the user that Pincex runs as. */
  readonly client: pg.Client;
  /** Whether the pool pins its plans: `enable_query_hints`. */
  readonly queryHints: boolean;
  /** The URL of the replica that reads go to, if there is one. */
  readonly readUrl: string | null;
  /** `service.idempotency_room`, in bytes. */
  readonly idempotencyRoom: number;
  /** The processes that run, and the one that reported last: read once for an examination. */
  readonly processes: () => Promise<readonly ReportedProcess[]>;
  readonly thresholds: Thresholds;
}

/** One check of the doctor. */
export interface Check {
  readonly name: string;
  /** The statement that holds if nothing is found. */
  readonly promise: string;
  /** Set if the check reads only PostgreSQL's own catalog, so that it runs even if Pincex's tables are missing. */
  readonly needsNoTables?: true;
  run(patient: Patient): Promise<Finding[]>;
}

/** Formats a whole number for a message: 12,000. */
export function many(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** Formats a duration for a message: 12 min. */
export function duration(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const;
  const [size, unit] = units.find(([least]) => ms >= 2 * least) ?? [1, 'ms'];
  return `${Math.round(ms / size)} ${unit}`;
}

/** Formats a share of a whole for a message: 12%. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
