import { limits } from '../limits.ts';

/** A key that a reader did not find in the cache. */
export interface Missed<Key> {
  readonly key: Key;
  /** The name of the key in the cache. */
  readonly name: string;
  /** Allows to fill it in; null where there is no cache, or none that answers. */
  readonly lease: string | null;
}

/**
 * The reads under way from the database: one read of a key at a time for all readers.
 *
 * A later reader shares a read under way only if that cannot be older than its own read would be:
 * - Both got the same **lease**: a publication by whatever process would have taken it away in between.
 * - The read has **not begun** yet. Without leases nobody can tell what came in between, so all who come while a key
 *   is being read wait for that, for a moment at the most, and then share the next read.
 */
export class Flights {
  /** The newest flight of each key. */
  readonly #seats = new Map<string, Seat>();

  /**
   * Values in the order of what was missed, of which no key comes twice.
   *
   * @param family what can be read by one statement, and gives the same values for the same keys
   * @param load reads those that nobody else reads, in their order
   * @param store what was read; whoever had asked the cache before that is done still takes part
   */
  async read<Key, Value>(
    family: string,
    missed: readonly Missed<Key>[],
    load: (own: readonly Missed<Key>[]) => Promise<readonly Value[]>,
    store?: (own: readonly Missed<Key>[], values: readonly Value[]) => Promise<void>,
  ): Promise<Value[]> {
    const own: Flight = { values: Promise.resolve([]), hasBegun: false };
    const loaded: Missed<Key>[] = [];
    const names: string[] = [];
    const ahead: Promise<unknown>[] = [];
    const seats = missed.map((miss) => {
      const name = `${family} ${miss.name}`;
      const taken = this.#seats.get(name);
      if (taken !== undefined && isShared(taken, miss.lease)) return taken;
      if (taken !== undefined && miss.lease === null) ahead.push(taken.flight.values);
      const seat = { flight: own, place: loaded.push(miss) - 1, lease: miss.lease };
      names.push(name);
      this.#seats.set(name, seat);
      return seat;
    });
    if (loaded.length > 0) {
      const values = this.#begin(own, ahead, () => load(loaded));
      own.values = values;
      const end = (): void => {
        for (const name of names) if (this.#seats.get(name)?.flight === own) this.#seats.delete(name);
      };
      void values.then((found) => store?.(loaded, found)).then(end, end);
    }
    const flights = [...new Set(seats.map(({ flight }) => flight))];
    const landed = new Map<Flight, readonly unknown[]>();
    const values = await Promise.all(flights.map((flight) => flight.values));
    for (const [n, flight] of flights.entries()) landed.set(flight, values[n] ?? []);
    return seats.map(({ flight, place }) => landed.get(flight)?.[place] as Value);
  }

  async #begin<Values>(
    flight: Flight,
    ahead: readonly Promise<unknown>[],
    load: () => Promise<Values>,
  ): Promise<Values> {
    if (ahead.length > 0) await landed(ahead);
    flight.hasBegun = true;
    return load();
  }
}

/** Waits for reads under way, for a moment at the most. */
function landed(ahead: readonly Promise<unknown>[]): Promise<void> {
  return new Promise((resolve) => {
    const moment = setTimeout(resolve, limits.repository.aheadMs);
    void Promise.allSettled(ahead).then(() => {
      clearTimeout(moment);
      resolve();
    });
  });
}

function isShared({ flight, lease: taken }: Seat, lease: string | null): boolean {
  return !flight.hasBegun || (lease !== null && lease === taken);
}

/** One statement for many keys. */
interface Flight {
  values: Promise<readonly unknown[]>;
  hasBegun: boolean;
}

/** The place of a key in a flight, and the lease under which it is read. */
interface Seat {
  readonly flight: Flight;
  readonly place: number;
  readonly lease: string | null;
}
