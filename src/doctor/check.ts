import type pg from 'pg';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

/** The installation that the doctor looks at. */
export interface Patient {
  /** A connection of the doctor's own, as the user that Pincex runs as. */
  readonly client: pg.Client;
  /** Whether the pool pins its plans: `enable_query_hints`. */
  readonly queryHints: boolean;
  /** A server that reads go to, where there is one. */
  readonly readUrl: string | null;
  /** `service.idempotency_room`, in bytes. */
  readonly idempotencyRoom: number;
  readonly now: Date;
  readonly thresholds: Thresholds;
}

/** One thing that is looked at. */
export interface Check {
  readonly name: string;
  /** The statement that holds if nothing is found. */
  readonly promise: string;
  /** It reads PostgreSQL's own catalog only, so it can be made where the tables are not there. */
  readonly needsNoTables?: true;
  run(patient: Patient): Promise<Finding[]>;
}

/** A whole number of things, as a message says it: 12,000. */
export function many(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A duration as a message says it. */
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

/** A share of a whole, as a message says it. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
