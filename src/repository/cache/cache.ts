/**
 * A cache without stale entries: a value that it returns is no older than the last commit that was published to it.
 *
 * Two rules ensure this, however reads, commits and evictions interleave:
 * - An absent entry is only ever filled under a **lease**, which the reader got before it asked the database. A
 *   publication revokes the lease, so a reader that began before a commit cannot put the old value back.
 * - A present entry is only ever replaced by a newer **version** of the same row.
 */
export interface Cache {
  /** `process` if no other process shares it. */
  readonly store: 'process' | 'redis';

  /**
   * Reads the entries of these keys in one round trip, and takes leases for those that are missing.
   *
   * @param least an entry of a lower version counts as missing. Default 0
   */
  read(keys: readonly string[], least?: number): Promise<CacheRead>;

  /** Stores the values whose leases are still valid. */
  fill(fills: readonly Fill[]): Promise<void>;

  /**
   * Publishes a commit: replaces older rows by newer ones, and removes the entries that changed without a known value.
   *
   * @param position of the primary after the commit; null if no reads go to a replica
   */
  publish(changes: Changes, position: Position | null): Promise<void>;

  close(): Promise<void>;
}

export interface CacheRead {
  /** In the order of the keys. */
  readonly entries: readonly (Entry | AbsentEntry)[];
  /**
   * The position that a replica must have replayed to have every commit that was published so far; null if that is
   * unknown. The position of the primary, read after this, then serves instead.
   */
  readonly position: bigint | null;
  /** Stores the primary's position in the cache; absent if the cache knows its own. */
  readonly learn?: (position: bigint) => Promise<void>;
}

/** A position in the write-ahead log of the primary; `unknown` if the primary could not be asked. */
export type Position = bigint | 'unknown';

/** A row, or a list of rows, or that there is no such row. */
export interface Entry {
  /** The version of the row, 0 if there is none; the extent of a list. */
  readonly version: number;
  /** Frozen: callers share it. */
  readonly value: unknown;
}

/** No entry, or none that counts. */
export interface AbsentEntry {
  /** The lease to fill the entry under, valid until a commit is published for it; null if it must not be filled. */
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
  /** Called only if it is needed: most of the changed rows are not in the cache of a process. */
  readonly value: () => unknown;
}

export const isHit = (read: Entry | AbsentEntry): read is Entry => 'version' in read;
