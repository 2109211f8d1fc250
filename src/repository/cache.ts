/**
 * A cache that is never wrong: what it answers is no older than the last commit that was published to it.
 *
 * Two rules make it so, however reads, commits and losses of entries interleave:
 * - An absent entry is only ever filled under a **lease**, which the reader got before it asked the database. A
 *   publication takes the lease away, so a reader that began before a commit cannot put the old value back.
 * - A present entry is only ever replaced by a newer **version** of the same row.
 */
export interface Cache {
  /** `process` where no other process sees it. */
  readonly store: 'process' | 'redis';

  /**
   * Reads the entries of these keys in one round trip, and takes leases for those that are missing.
   *
   * @param least entries of a lower version make room for the lease. Default 0
   */
  read(keys: readonly string[], least?: number): Promise<CacheRead>;

  /** Stores what was read under the leases that still hold. */
  fill(fills: readonly Fill[]): Promise<void>;

  /**
   * Tells of a commit: puts the newer rows in the place of older ones, and removes what changed without a new value.
   *
   * @param position of the primary after the commit; null where nobody reads from a replica
   */
  publish(changes: Changes, position: Position | null): Promise<void>;

  close(): Promise<void>;
}

export interface CacheRead {
  /** In the order of the keys. */
  readonly entries: readonly (Entry | Miss)[];
  /**
   * How far a replica must have come to know all that was published so far; null where that is unknown. Then the
   * primary's own position will do, if it is asked for it after this.
   */
  readonly position: bigint | null;
  /** Tells the cache that position, if it wants to know. */
  readonly learn?: (position: bigint) => Promise<void>;
}

/** How far the write-ahead log of the primary has come; `unknown` where it did not say so. */
export type Position = bigint | 'unknown';

/** A row, or a list of rows, or that there is no such row. */
export interface Entry {
  /** The version of the row, 0 if there is none; the extent of a list. */
  readonly version: number;
  /** Frozen: callers share it. */
  readonly value: unknown;
}

export interface Miss {
  /** Allows to fill the entry, while nothing is published for it; null where it may not be filled. */
  readonly lease: string | null;
}

export interface Fill extends Entry {
  readonly key: string;
  readonly lease: string;
  readonly ttlMs: number;
}

export interface Changes {
  readonly replaced: readonly Replacement[];
  readonly removed: readonly string[];
}

export interface Replacement {
  readonly key: string;
  readonly version: number;
  /** Made only where it is needed: most of what changes is not in the cache of a process. */
  readonly value: () => unknown;
}

export const isHit = (read: Entry | Miss): read is Entry => 'version' in read;
