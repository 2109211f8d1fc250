/**
 * Whether readers were told old news. States are numbers that every change of a thing raises: versions, and for lists
 * their sum or their length. All times are of one clock, in milliseconds.
 */

/** A state that a commit brought about. */
export interface Change {
  readonly state: number;
  /** When its writer knew that it was committed. */
  readonly committedAt: number;
  /** When the call that wrote it returned: until then the commit is being published. */
  readonly publishedAt: number;
}

export interface Read {
  readonly key: string;
  readonly began: number;
  readonly state: number;
  /** The least version that the reader asked for, or null. */
  readonly least: number | null;
}

export interface Staleness {
  /** Reads that returned less than they asked for. */
  readonly staleWithMinVersion: number;
  /** Reads that began after a change was published, and returned what was before it. */
  readonly staleAfterPublication: number;
  /** How long after a commit a read still began that returned what was before it. */
  readonly longestStaleMs: number;
  /** How long a publication took. */
  readonly longestPublicationMs: number;
}

/**
 * Judges all reads once everything is known.
 *
 * @param history of each key, oldest first: of one writer, so that changes do not overlap
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

/** The first change that is newer than a state: what a reader of that state has not seen. */
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
