import { listen, type KindName, type Stop } from '../diagnostics.ts';
import type { CacheStore } from '../repository/options.ts';

/** A range of the number of items of a batch. */
export type BatchSize = '1' | '2-9' | '10-49' | '50-499' | '500+';

export interface CacheReads {
  readonly hits: number;
  readonly misses: number;
}

/** The counters of a process since its start. Durations are in milliseconds. */
export interface ProcessStatistics {
  readonly batches: {
    readonly count: number;
    readonly items: number;
    readonly bySize: Readonly<Record<BatchSize, number>>;
    readonly durationMs: number;
  };
  readonly cache: {
    readonly store: CacheStore;
    readonly reads: Readonly<Record<KindName, CacheReads>>;
    /** Reads and writes of the cache that failed, so that PostgreSQL was asked instead. */
    readonly failures: number;
  };
  readonly pool: {
    /** The most connections. */
    readonly max: number;
    /** Calls that found every connection busy, and how long they waited in all. */
    readonly waits: number;
    readonly waitMs: number;
    readonly longestWaitMs: number;
    /** Calls that failed with `pool_exhausted`. */
    readonly refused: number;
  };
  /** Calls over HTTP that were answered with a problem, by its code: see docs/http.md. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Reports that did not reach the database. */
  readonly reportFailures: number;
}

export interface StatisticsOptions {
  /** `database.pool.max`. */
  readonly poolMax: number;
  /** Default `off`. */
  readonly cacheStore?: CacheStore | undefined;
}

/** The counters of this process: numbers in memory, cheap enough for every call. */
export class Statistics {
  readonly #options: { readonly poolMax: number; readonly cacheStore: CacheStore };
  readonly #batches = { count: 0, items: 0, durationMs: 0 };
  readonly #bySize = { '1': 0, '2-9': 0, '10-49': 0, '50-499': 0, '500+': 0 };
  readonly #pool = { waits: 0, waitMs: 0, longestWaitMs: 0, refused: 0 };
  readonly #reads = {
    accounts: { hits: 0, misses: 0 },
    orders: { hits: 0, misses: 0 },
    userOrders: { hits: 0, misses: 0 },
    trades: { hits: 0, misses: 0 },
  };
  readonly #refusals: Record<string, number> = {};
  #cacheFailures = 0;
  #reportFailures = 0;

  constructor({ poolMax, cacheStore = 'off' }: StatisticsOptions) {
    this.#options = { poolMax, cacheStore };
  }

  /** Counts the messages of one Pincex, until the returned function is called. */
  listenTo(instance: string): Stop {
    return listen(instance, {
      batch: ({ counts, durationMs }) => {
        this.batch(counts.total, durationMs);
      },
      read: ({ kind, keys, hits }) => {
        this.cacheReads(kind, hits, keys - hits);
      },
      wait: (durationMs) => {
        this.poolWait(durationMs);
      },
      poolRefusal: () => {
        this.poolRefused();
      },
      cacheFailure: () => {
        this.cacheFailure();
      },
      refusal: ({ code }) => {
        this.refusal(code);
      },
    });
  }

  /** A batch was answered. One without items asked for nothing and is not counted. */
  batch(items: number, durationMs: number): void {
    if (items === 0) return;
    this.#batches.count++;
    this.#batches.items += items;
    this.#batches.durationMs += durationMs;
    this.#bySize[sizeOf(items)]++;
  }

  /** A read asked the cache for `hits + misses` keys. */
  cacheReads(kind: KindName, hits: number, misses: number): void {
    this.#reads[kind].hits += hits;
    this.#reads[kind].misses += misses;
  }

  /** The cache did not answer, and PostgreSQL was asked instead. */
  cacheFailure(): void {
    this.#cacheFailures++;
  }

  /** A call found every connection busy, and waited `ms` milliseconds for one. */
  poolWait(ms: number): void {
    this.#pool.waits++;
    this.#pool.waitMs += ms;
    this.#pool.longestWaitMs = Math.max(this.#pool.longestWaitMs, ms);
  }

  /** A call waited for a connection and got none. */
  poolRefused(): void {
    this.#pool.refused++;
  }

  /** A call over HTTP was answered with a problem. */
  refusal(code: string): void {
    this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
  }

  /** A report did not reach the database. */
  reportFailure(): void {
    this.#reportFailures++;
  }

  /** A copy of the counters as plain JSON. */
  snapshot(): ProcessStatistics {
    const { poolMax, cacheStore } = this.#options;
    return structuredClone({
      batches: { ...this.#batches, bySize: this.#bySize },
      cache: { store: cacheStore, reads: this.#reads, failures: this.#cacheFailures },
      pool: { max: poolMax, ...this.#pool },
      refusals: this.#refusals,
      reportFailures: this.#reportFailures,
    });
  }
}

function sizeOf(items: number): BatchSize {
  if (items < 2) return '1';
  if (items < 10) return '2-9';
  if (items < 50) return '10-49';
  return items < 500 ? '50-499' : '500+';
}
