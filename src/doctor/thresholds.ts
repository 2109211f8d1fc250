import { limits } from '../limits.ts';

/** Problems are reported from these values on. Below them a table is too small, or a figure too young, to mean much. */
export const thresholds = {
  /** How long the doctor waits for a lock before it reports the check as not possible. */
  lockMs: 1_000,
  /** How long the doctor waits for an answer: a connection that went silent would otherwise keep it, and `close`, for ever. */
  queryMs: 30_000,
  /** A statement on a table with this many rows or more has to use the index that is meant for it. */
  plannedRows: 1_000,
  /** How old PostgreSQL's counters have to be before an index is called unused. */
  unusedForMs: 24 * 60 * 60_000,
  /** Rows that were written to its table plus scans of it, meanwhile. */
  unusedRows: 100_000,
  /** Dead rows that are worth a vacuum, their share of all rows, and how long autovacuum may take to come. */
  deadRows: 10_000,
  deadShare: 0.4,
  vacuumLagMs: 10 * 60_000,
  /** The HOT share of updates of accounts is judged after this many updates, and has to be at least this. */
  updates: 10_000,
  hotShare: 0.5,
  /** Rows of a table that was never analyzed. */
  analyzedRows: 100_000,
  /** How long a transaction may be open, and how long it may do nothing meanwhile. */
  transactionMs: 60_000,
  idleInTransactionMs: 10_000,
  /** The most that a replica may be behind. */
  replicaLagMs: 10_000,
  replicaLagBytes: 64 * 1024 * 1024,
  /** Waits for a connection, and their mean. */
  poolWaits: 100,
  poolWaitMs: 10,
  /** Reads of the cache from which on its hit rate is judged, and what it has to be. */
  cacheReads: 1_000,
  cacheHitRate: 0.5,
  /** Batches of a process, how many a second, and the share of them that may have fewer than ten items. */
  batches: 1_000,
  batchesPerSecond: 10,
  smallBatchShare: 0.5,
  /** The share of the room for answers, of one API key or of all, from which on it is reported. */
  roomShare: limits.requests.scarceShare,
} as const;

export type Thresholds = Readonly<Record<keyof typeof thresholds, number>>;
