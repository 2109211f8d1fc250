/**
 * Finds stale reads. States are numbers that every change raises: versions, and for lists the sum of versions or the length.
 * All times are of one clock, in milliseconds.
 */

/** A state after a commit. */
export interface Change {
  readonly state: number;
  /** When the writer learned that it was committed. */
  readonly committedAt: number;
  /** When the call that wrote it returned: the commit was published by then. */
  readonly publishedAt: number;
}

export interface Read {
  readonly key: string;
  readonly began: number;
  readonly state: number;
  /** The minimum version that the reader asked for, or null. */
  readonly least: number | null;
}

export interface Staleness {
  /** Reads that returned an older version than they asked for. */
  readonly staleWithMinVersion: number;
  /** Reads that began after a change was published and returned the state before it. */
  readonly staleAfterPublication: number;
  /** The longest time after a commit at which a read began that returned the state before it. */
  readonly longestStaleMs: number;
  /** The longest publication. */
  readonly longestPublicationMs: number;
}

/**
 * Judges all reads after the run.
 *
 * @param history the states of each key, oldest first. One writer made them, so that changes do not overlap
 */
export function judge(reads: readonly Read[], history: ReadonlyMap<string, readonly Change[]>): Staleness {
  let staleWithMinVersion = 0;
  let staleAfterPublication = 0;
  let longestStaleMs = 0;
  for (const { key, began, state, least } of reads) {
    if (least !== null && state < least) staleWithMinVersion++;
    const unseen = firstBeyond(history.get(key) ?? [], state);
    if (unseen === undefined || unseen.committedAt > began) continue;
    if (unseen.publishedAt <= began) staleAfterPublication++;
    longestStaleMs = Math.max(longestStaleMs, began - unseen.committedAt);
  }
  let longestPublicationMs = 0;
  for (const changes of history.values()) {
    for (const { committedAt, publishedAt } of changes) {
      longestPublicationMs = Math.max(longestPublicationMs, publishedAt - committedAt);
    }
  }
  return { staleWithMinVersion, staleAfterPublication, longestStaleMs, longestPublicationMs };
}

/** The first change after a state, which a reader of that state did not see. */
function firstBeyond(changes: readonly Change[], state: number): Change | undefined {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((changes[middle]?.state ?? Infinity) > state) high = middle;
    else low = middle + 1;
  }
  return changes[low];
}
