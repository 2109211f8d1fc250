import type { Session } from '../database/database.ts';
import { Diagnostics, type KindName } from '../diagnostics.ts';
import { PincexError } from '../errors.ts';
import type { ReadOperation } from '../reads/operationNames.ts';
import { readEachOnce } from '../reads/readArguments.ts';
import { isHit, type Cache, type CacheRead, type Changes, type Fill } from './cache/cache.ts';
import { InFlightReads, type CacheMiss } from './inFlightReads.ts';
import { Gatherer } from './gatherer.ts';
import type { Kind } from './kinds.ts';
import { positionAfterCommit, primaryPosition } from './walPosition.ts';
import { ProcessCache } from './cache/processCache.ts';
import type { Replica } from './replica.ts';
import { timeToLive } from './cache/timeToLive.ts';

export interface RepositoryOptions {
  readonly primary: Session;
  /** The primary for reads that a caller waits for: retried while it cannot be reached. Default: `primary`. */
  readonly reads?: Session;
  readonly replica: Replica | null;
  readonly cache: Cache;
  /** How long each kind stays in the cache, in milliseconds; 0: the kind is not cached. */
  readonly ttlMs: Readonly<Record<KindName, number>>;
  readonly ttl: 'adaptive' | 'fixed';
  /** The most single calls that are gathered into one batch. */
  readonly batchSize: number;
  /** Receives the messages about reads. Default: one without listeners. */
  readonly diagnostics?: Diagnostics;
}

/** The options for reads inside a transaction, which must not be cached. */
export function uncached(
  session: Session,
): Pick<RepositoryOptions, 'primary' | 'replica' | 'cache' | 'ttlMs'> {
  const ttlMs = { accounts: 0, orders: 0, userOrders: 0, trades: 0 };
  return { primary: session, replica: null, cache: new ProcessCache(), ttlMs };
}

/** Whether a cached value is new enough, or long enough, for the key at this place. */
export type Accepts<Value> = (value: Value, place: number) => boolean;

/** For callers who want the value from the primary, whatever the cache and the replica have. */
export const nothingCached = (): boolean => false;

/**
 * The reads of callers: many at a time, through the cache, and from a replica if one is configured. No decision about
 * money uses them: the engine reads for itself.
 */
export class Repository {
  readonly #options: RepositoryOptions & { readonly reads: Session; readonly diagnostics: Diagnostics };
  readonly #inFlight = new InFlightReads();
  readonly #gatherers = new Map<string, unknown>();
  /** The reads and stores in flight, which `close` waits for. */
  readonly #pending = new Set<Promise<unknown>>();

  constructor(options: RepositoryOptions) {
    this.#options = { reads: options.primary, diagnostics: new Diagnostics(), ...options };
  }

  /** One value, gathered with all others of its family that are asked for in the same turn of the event loop. */
  get<Key, Value>(kind: Kind<Key, Value>, key: Key, accepts?: (value: Value) => boolean): Promise<Value> {
    if (accepts === nothingCached) {
      return this.#tracked(this.#readAnew(kind, [key])).then(([value]) => value as Value);
    }
    return new Promise((resolve, reject) => {
      this.#gathererOf(kind).add({ key, accepts, resolve, reject });
    });
  }

  /** Many values of a kind, in the order of their keys. */
  async getMany<Key, Value>(
    kind: Kind<Key, Value>,
    keys: readonly Key[],
    accepts: Accepts<Value> = () => true,
  ): Promise<Value[]> {
    const nameOf = (key: Key) => kind.keyOf(key);
    const readAnew = (some: readonly Key[]) =>
      this.#tracked(readEachOnce(some, (distinct) => this.#readAnew(kind, distinct), nameOf));
    if (accepts === nothingCached) return readAnew(keys);
    const read = (distinct: readonly Key[], names: readonly string[]) =>
      this.#readTraced(kind, distinct, names);
    const values = await this.#tracked(readEachOnce(keys, read, nameOf));
    const refused = [...values.keys()].filter((place) => !accepts(values[place] as Value, place));
    if (refused.length > 0) {
      const again = refused.map((place) => keys[place] as Key);
      const fresh = await readAnew(again);
      for (const [n, place] of refused.entries()) values[place] = fresh[n] as Value;
    }
    return values;
  }

  /**
   * Reads past the cache: from the replica, whatever its lag, or from the primary.
   *
   * @param operation the name under which the read is measured
   * @param items how many keys are asked for; 1 for a page of a stream
   */
  readDirectly<Result extends object>(
    operation: ReadOperation,
    items: number,
    read: (session: Session) => Promise<Result>,
    { fresh = false }: { readonly fresh?: boolean } = {},
  ): Promise<Result> {
    return this.#traced(operation, items, () => this.#readPastCache(read, fresh));
  }

  async #readPastCache<Result extends object>(
    read: (session: Session) => Promise<Result>,
    fresh: boolean,
  ): Promise<Result> {
    const { reads, replica } = this.#options;
    return (fresh ? null : await replica?.read(read)) ?? read(reads);
  }

  /** Traces a read past the cache. */
  async #traced<Result>(operation: string, items: number, read: () => Promise<Result>): Promise<Result> {
    const begun = () => ({ operation, kind: null, items });
    const { values } = await this.#options.diagnostics.trace('read', begun, async () => ({
      values: await read(),
      hits: null,
    }));
    return values;
  }

  /** Publishes a commit to the cache. */
  async publish(changes: Changes): Promise<void> {
    const { replaced, removed } = changes;
    if (replaced.length + removed.length === 0) return;
    const { cache, primary, replica, diagnostics } = this.#options;
    const begun = () => ({ phase: 'publish' as const, items: replaced.length + removed.length });
    await diagnostics.trace('phase', begun, async () => {
      await cache.publish(changes, replica === null ? null : await positionAfterCommit(primary));
      return { rows: null };
    });
  }

  /** Waits for the reads and stores in flight. */
  async close(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    await this.#options.cache.close();
  }

  #gathererOf<Key, Value>(kind: Kind<Key, Value>): Gatherer<GatheredCall<Key, Value>> {
    let gatherer = this.#gatherers.get(kind.family) as Gatherer<GatheredCall<Key, Value>> | undefined;
    if (gatherer === undefined) {
      gatherer = new Gatherer(this.#options.batchSize, (calls) => void this.#settle(kind, calls));
      this.#gatherers.set(kind.family, gatherer);
    }
    return gatherer;
  }

  async #settle<Key, Value>(
    kind: Kind<Key, Value>,
    calls: readonly GatheredCall<Key, Value>[],
  ): Promise<void> {
    try {
      const values = await this.getMany(
        kind,
        calls.map(({ key }) => key),
        (value, place) => calls[place]?.accepts?.(value) ?? true,
      );
      for (const [place, { resolve }] of calls.entries()) resolve(values[place] as Value);
    } catch (error) {
      // A broken row fails only the call that asked for it: each call is made again by itself.
      if (calls.length > 1 && isBrokenRow(error)) for (const call of calls) void this.#settle(kind, [call]);
      else for (const { reject } of calls) reject(error);
    }
  }

  async #readTraced<Key, Value>(
    kind: Kind<Key, Value>,
    keys: readonly Key[],
    names: readonly string[],
  ): Promise<Value[]> {
    const begun = () => ({ operation: kind.operation, kind: kind.name, items: keys.length });
    const { values } = await this.#options.diagnostics.trace('read', begun, () =>
      this.#read(kind, keys, names),
    );
    return values;
  }

  /** Reads from the cache; keys that are missing there are read from the database and stored in the cache. */
  async #read<Key, Value>(
    kind: Kind<Key, Value>,
    keys: readonly Key[],
    names: readonly string[],
  ): Promise<Found<Value>> {
    const { cache, ttlMs } = this.#options;
    if (ttlMs[kind.name] === 0) return { values: await this.#readUncached(kind, keys, names), hits: null };

    const { entries, ...published } = await cache.read(names, kind.extent?.asked);
    const missed: (CacheMiss<Key> & { readonly place: number })[] = [];
    for (const [place, key] of keys.entries()) {
      const entry = entries[place] ?? { lease: null };
      if (!isHit(entry)) missed.push({ key, place, name: names[place] ?? '', lease: entry.lease });
    }
    const values = entries.map((entry) => (isHit(entry) ? (entry.value as Value) : undefined));
    if (missed.length > 0) {
      const found = await this.#inFlight.read(
        kind.family,
        missed,
        (own) => this.#load(kind, own, published),
        (own, values) => this.#tracked(this.#store(kind, own, values)),
      );
      for (const [n, { place }] of missed.entries()) values[place] = found[n];
    }
    return { values: values as Value[], hits: keys.length - missed.length };
  }

  #readUncached<Key, Value>(
    kind: Kind<Key, Value>,
    keys: readonly Key[],
    names: readonly string[],
  ): Promise<Value[]> {
    const missed = keys.map((key, n) => ({ key, name: names[n] ?? '', lease: null }));
    return this.#inFlight.read(kind.family, missed, (own) =>
      this.#readPastCache((session) => kind.read(session, keysOf(own)), false),
    );
  }

  /** @param published the position that came with the leases */
  #load<Key, Value>(
    kind: Kind<Key, Value>,
    missed: readonly CacheMiss<Key>[],
    { position, learn }: PublishedPosition,
  ): Promise<Value[]> {
    // A reader without a lease may have joined this read after further commits were published: `position` is then too old.
    const isCurrent = missed.every(({ lease }) => lease !== null);
    const read = (session: Session): Promise<Value[]> => kind.read(session, keysOf(missed));
    return this.#readPublished(read, isCurrent ? position : null, learn);
  }

  /** Reads from the replica only if it has every published commit: an older value would undo a publication. */
  async #readPublished<Result extends object>(
    read: (session: Session) => Promise<Result>,
    position: bigint | null,
    learn: PublishedPosition['learn'],
  ): Promise<Result> {
    const { reads, replica } = this.#options;
    if (replica === null) return read(reads);
    let published = position;
    if (published === null) {
      published = await primaryPosition(reads);
      if (learn !== undefined) void this.#tracked(learn(published));
    }
    return (await replica.read(read, published)) ?? read(reads);
  }

  async #store<Key, Value>(
    kind: Kind<Key, Value>,
    missed: readonly CacheMiss<Key>[],
    found: readonly Value[],
  ): Promise<void> {
    const { cache, ttlMs, ttl } = this.#options;
    const now = Date.now();
    const fills: Fill[] = [];
    for (const [n, { name, lease }] of missed.entries()) {
      if (lease === null) continue;
      const value = found[n] as Value;
      const lives = timeToLive(ttlMs[kind.name], ttl, kind.freshnessOf(value), now, Math.random());
      const version = kind.extent?.of(value) ?? kind.versionOf(value);
      fills.push({ key: name, lease, version, value, ttlMs: lives });
    }
    if (fills.length > 0) await cache.fill(fills);
  }

  /** Reads from the primary, for callers who refused the value of the cache or the replica, and publishes it like a commit. */
  async #readAnew<Key, Value>(kind: Kind<Key, Value>, keys: readonly Key[]): Promise<Value[]> {
    const { reads, ttlMs } = this.#options;
    const values = await this.#traced(kind.operation, keys.length, () => kind.read(reads, keys));
    if (ttlMs[kind.name] > 0) {
      const replaced = [];
      const removed = [];
      for (const [place, key] of keys.entries()) {
        const value = values[place] as Value;
        const version = kind.versionOf(value);
        if (version > 0) replaced.push({ key: kind.keyOf(key), version, value: () => value });
        else removed.push(kind.keyOf(key));
      }
      await this.publish({ replaced, removed });
    }
    return values;
  }

  #tracked<Result>(work: Promise<Result>): Promise<Result> {
    const tracked = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
    return tracked;
  }
}

const isBrokenRow = (error: unknown): boolean => error instanceof PincexError && error.code === 'broken_row';

interface Found<Value> {
  readonly values: Value[];
  /** How many of them were in the cache; `null` if their kind is not cached. */
  readonly hits: number | null;
}

type PublishedPosition = Pick<CacheRead, 'position' | 'learn'>;

const keysOf = <Key>(missed: readonly CacheMiss<Key>[]): Key[] => missed.map(({ key }) => key);

interface GatheredCall<Key, Value> {
  readonly key: Key;
  readonly accepts: ((value: Value) => boolean) | undefined;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}
