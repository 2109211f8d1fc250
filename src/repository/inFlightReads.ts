import { limits } from '../limits.ts';

/** A key that a reader did not find in the cache. */
export interface CacheMiss<Key> {
  readonly key: Key;
  /** The name of the key in the cache. */
  readonly name: string;
  /** The lease to fill the entry under; null if there is no cache, or if the cache did not answer. */
  readonly lease: string | null;
}

/**
 * The reads of the database that are in flight. All readers of a key share one read of it at a time.
 *
 * A later reader shares a read in flight only if that read cannot return an older value than a read of its own would:
 * - Both readers got the same **lease**: a publication in between, by any process, would have revoked it.
 * - The read has **not begun** yet. Without leases a reader cannot tell whether a commit came in between. It therefore
 *   waits until the read in flight of its key ends, at most `limits.repository.aheadMs`, and shares the next one.
 */
export class InFlightReads {
  /** The newest read of each key. */
  readonly #newest = new Map<string, KeyInRead>();

  /**
   * Reads the missed keys, each of which is listed once, and returns their values in the same order.
   *
   * @param family keys of one family are read by one statement, and equal keys have equal values
   * @param load reads the keys that no other reader is reading, and returns their values in the order of the keys
   * @param store stores what `load` returned; readers who got their lease before it is done still share the read
   */
  async read<Key, Value>(
    family: string,
    missed: readonly CacheMiss<Key>[],
    load: (own: readonly CacheMiss<Key>[]) => Promise<readonly Value[]>,
    store?: (own: readonly CacheMiss<Key>[], values: readonly Value[]) => Promise<void>,
  ): Promise<Value[]> {
    const own: InFlightRead = { values: Promise.resolve([]), hasBegun: false };
    const loaded: CacheMiss<Key>[] = [];
    const names: string[] = [];
    const ahead: Promise<unknown>[] = [];
    const keysInReads = missed.map((miss) => {
      const name = `${family} ${miss.name}`;
      const newest = this.#newest.get(name);
      if (newest !== undefined && isShared(newest, miss.lease)) return newest;
      if (newest !== undefined && miss.lease === null) ahead.push(newest.read.values);
      const keyInRead = { read: own, place: loaded.push(miss) - 1, lease: miss.lease };
      names.push(name);
      this.#newest.set(name, keyInRead);
      return keyInRead;
    });
    if (loaded.length > 0) {
      const values = this.#begin(own, ahead, () => load(loaded));
      own.values = values;
      const end = (): void => {
        for (const name of names) if (this.#newest.get(name)?.read === own) this.#newest.delete(name);
      };
      void values.then((found) => store?.(loaded, found)).then(end, end);
    }
    const reads = [...new Set(keysInReads.map(({ read }) => read))];
    const valuesOf = new Map<InFlightRead, readonly unknown[]>();
    const values = await Promise.all(reads.map((read) => read.values));
    for (const [n, read] of reads.entries()) valuesOf.set(read, values[n] ?? []);
    return keysInReads.map(({ read, place }) => valuesOf.get(read)?.[place] as Value);
  }

  async #begin<Values>(
    read: InFlightRead,
    ahead: readonly Promise<unknown>[],
    load: () => Promise<Values>,
  ): Promise<Values> {
    if (ahead.length > 0) await settledOrLate(ahead);
    read.hasBegun = true;
    return load();
  }
}

/** Waits until the reads have ended, at most `limits.repository.aheadMs`. */
function settledOrLate(ahead: readonly Promise<unknown>[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limits.repository.aheadMs);
    void Promise.allSettled(ahead).then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function isShared({ read, lease: readLease }: KeyInRead, lease: string | null): boolean {
  return !read.hasBegun || (lease !== null && lease === readLease);
}

/** One statement that reads many keys. */
interface InFlightRead {
  values: Promise<readonly unknown[]>;
  hasBegun: boolean;
}

/** A key's place among the values of a read, and the lease under which it is read. */
interface KeyInRead {
  readonly read: InFlightRead;
  readonly place: number;
  readonly lease: string | null;
}
