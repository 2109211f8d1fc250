import type { WindowedMetrics } from '../monitor/figures.ts';

/** The state of the exchange that alerts are judged by. A part is null if it could not be told, or was not looked at now. */
export interface Observation {
  /** Pincex's own batches and reads, in all processes. */
  readonly operations: Figures;
  /** The same by their names. */
  readonly byOperation: Readonly<Record<string, Figures>>;
  readonly processes: readonly ObservedProcess[];
  /** The replica that is furthest behind; undefined without replicas. */
  readonly replica: { readonly name: string; readonly lagMs: number } | undefined;
  /** How long ago the oldest hold expired that is still there; 0 if there is none. */
  readonly overdueMs: number;
  /** The last audit, whichever process made it; undefined if none was made. */
  readonly audit: AuditOutcome | undefined;
  /** Findings of the doctor that hurt. */
  readonly hurts: readonly Hurt[] | null;
}

/** Figures over the last minute, five minutes and hour. */
export type Figures = WindowedMetrics['windows'];

/** A process that runs, as it last reported. */
export interface ObservedProcess {
  /** Its host and process id, such as `host:42`. Two Pincex in one process have one name. */
  readonly name: string;
  /** Connections in use and the most there may be. */
  readonly pool: { readonly inUse: number; readonly max: number };
  /** Calls a minute that waited for a connection, between its last two reports; null if there is one. */
  readonly poolWaits: number | null;
  /** Reads of the cache in the last five minutes, and in the hour before these; null if no report is old enough. */
  readonly cache: { readonly recent: CacheUse; readonly past: CacheUse } | null;
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
