import type { OperationMetrics } from '../monitor/figures.ts';

/** The state of the exchange that alerts are judged by. A part is null if it could not be told, or was not looked at now. */
export interface Observation {
  /** All batches and reads of the last minute and hour. */
  readonly minute: OperationMetrics;
  readonly hour: OperationMetrics;
  /** Those of the last minute by their names. */
  readonly minuteByOperation: Readonly<Record<string, OperationMetrics>>;
  /** Connections in use and the most there may be. */
  readonly pool: { readonly used: number; readonly max: number };
  /** Calls a minute that waited for a connection. */
  readonly poolWaits: number | null;
  /** Reads of the cache in the last five minutes, and in the hour before these. */
  readonly cache: { readonly recent: CacheUse; readonly past: CacheUse } | null;
  /** The replica that is furthest behind; undefined without replicas. */
  readonly replica: { readonly name: string; readonly lagMs: number } | undefined;
  /** How long ago the oldest hold expired that is still there; 0 if there is none. */
  readonly overdueMs: number;
  /** The last audit, whichever process made it; undefined if none was made. */
  readonly audit: AuditOutcome | undefined;
  /** Findings of the doctor that hurt. */
  readonly hurts: readonly Hurt[] | null;
}

export interface CacheUse {
  readonly hits: number;
  readonly misses: number;
}

export interface AuditOutcome {
  /** Rows at fault. */
  readonly findings: number;
  /** The checks that found them. */
  readonly checks: readonly string[];
  /** ISO 8601 in UTC. */
  readonly madeAt: string;
}

/** A finding of the doctor. */
export interface Hurt {
  readonly check: string;
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
}
