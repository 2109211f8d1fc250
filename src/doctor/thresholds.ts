import { limits } from '../limits.ts';

/** From where on something is worth saying. Below them a table is too small, or a figure too young, to mean much. */
export const thresholds = {
  /** How long a lock is waited for before it is said that a table is locked. */
  lockMs: 1_000,
  /** Rows from which on it matters how a table is found its rows in. */
  plannedRows: 1_000,
  /** How old PostgreSQL's counters have to be before an index is called unused. */
  unusedForMs: 24 * 60 * 60_000,
  /** Rows read from and written to its table meanwhile. */
  unusedRows: 100_000,
  /** Dead rows that are worth a vacuum, their share of all rows, and how long autovacuum may take to come. */
  deadRows: 10_000,
  deadShare: 0.4,
  vacuumLagMs: 10 * 60_000,
  /** Updates of accounts from which on their HOT share is judged, and what it has to be. */
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
  /** After what time without a report a process counts as ended: three reports. */
  processSeenMs: 30_000,
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
  /** The share of what the answers of an API key, or of all, may take from which on it is said. */
  roomShare: limits.requests.scarceShare,
} as const;

export type Thresholds = Readonly<Record<keyof typeof thresholds, number>>;
