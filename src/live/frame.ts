import type { Alert } from '../alert.ts';
import type {
  CacheCounters,
  OperationMetrics,
  PerformanceMetrics,
  PoolCounters,
  RecordedBatch,
} from '../monitor/figures.ts';

/**
 * The server-sent events of `GET /v1/live`, by the name of the event. The page in the browser has these types too: this file
 * and those that it imports have types only.
 */
export interface LiveFrames {
  readonly history: LiveHistory;
  readonly picture: LivePicture;
  /** The service ends: reconnect. */
  readonly closing: { readonly at: string };
}

/** `event: history`, the first one: a point every ten seconds, of at most the last hour. */
export interface LiveHistory {
  /** The version of Pincex. */
  readonly version: string;
  /** Milliseconds between two points. */
  readonly everyMs: number;
  /** The oldest first. */
  readonly points: readonly LivePoint[];
}

/** Figures of the last minute at one moment, by operation. Operations that did not run in it are left out. */
export interface LivePoint {
  /** ISO 8601 in UTC, by the clock of the service. */
  readonly at: string;
  /** All operations together; null if none ran. */
  readonly all: OperationPoint | null;
  readonly operations: Readonly<Record<string, OperationPoint>>;
}

export interface OperationPoint {
  readonly operationsPerSecond: number;
  readonly itemsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Items of an operation, on average. */
  readonly averageItems: number | null;
  /** From 0 to 1. */
  readonly successRate: number;
}

/** `event: picture`, every two seconds. */
export interface LivePicture {
  /** ISO 8601 in UTC, by the clock of the service: that of the browser may be wrong. */
  readonly at: string;
  /** The process whose figures these are; null: those of all processes. */
  readonly process: string | null;
  /** Every process that runs, the oldest first, whichever is picked. */
  readonly processes: readonly ProcessLine[];
  /** The newest point. */
  readonly point: LivePoint;
  /** Whether it is one of the points that the service remembers. */
  readonly isKept: boolean;
  readonly metrics: PerformanceMetrics;
  /** Phases of the batches of the last five minutes, by operation. */
  readonly phases: Readonly<Record<string, PhaseShare>>;
  /** Cache, pool and refusals are counted since the start of each process. */
  readonly cache: CacheCounters;
  readonly pool: PoolCounters;
  /** Calls over HTTP that were answered with a problem, by its code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly loops: LoopCosts;
  /** The slowest of the last hour, and the latest with each code; the newest first. */
  readonly batches: readonly NotableBatch[];
  /** Alerts that fire, then the pending ones, then the last resolved ones. Empty while PostgreSQL does not answer. */
  readonly alerts: readonly Alert[];
  /** The last audit; null if there was none, and while PostgreSQL does not answer. */
  readonly audit: AuditLine | null;
}

/** One process: its operations over the last minute, and its pool. */
export interface ProcessLine {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: string;
  /** Milliseconds since its figures were taken; 0 for the process that answers. */
  readonly ageMs: number;
  readonly minute: OperationMetrics;
  readonly pool: PoolCounters;
}

/** The time of the batches of an operation, added up. */
export interface PhaseShare {
  readonly batches: number;
  readonly loadMs: number;
  readonly decideMs: number;
  readonly persistMs: number;
  readonly publishMs: number;
  /** The rest: waiting for a connection, reading the items, making the result. */
  readonly otherMs: number;
  readonly statements: number;
}

/** Statements that were sent since the start, and those that loops of single calls would have sent. */
export interface LoopCosts extends LoopCost {
  readonly byOperation: Readonly<Record<string, LoopCost>>;
}

/** Times are those of operations that were measured; `wouldBeMs` is an estimate. */
export interface LoopCost {
  readonly statements: number;
  readonly wouldBeStatements: number;
  readonly ms: number;
  readonly wouldBeMs: number;
}

export interface NotableBatch extends RecordedBatch {
  /** The id of the process that ran it. */
  readonly process: string;
}

export interface AuditLine {
  readonly madeAt: string;
  readonly findings: number;
  /** The checks that found something. */
  readonly checks: readonly string[];
}
