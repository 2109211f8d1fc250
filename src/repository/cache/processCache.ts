import { LRUCache } from 'lru-cache';
import { limits } from '../../limits.ts';
import {
  isHit,
  type Cache,
  type CacheRead,
  type Changes,
  type Entry,
  type Fill,
  type AbsentEntry,
  type Position,
} from './cache.ts';

/** The cache of one process, bounded by bytes; the least recently used entry is evicted first. */
export class ProcessCache implements Cache {
  readonly store = 'process';
  readonly #entries: LRUCache<string, Entry | Lease>;
  #leases = 0;
  /** The furthest position that was published, and the time until which it is remembered. */
  #position = { at: 0n, until: 0 };
  /** Set while commits of unknown position have been published; renewed with each of them. */
  #gap: symbol | null = null;

  constructor(maxBytes: number = limits.repository.cacheBytes) {
    this.#entries = new LRUCache({ maxSize: maxBytes });
  }

  read(keys: readonly string[], least = 0): Promise<CacheRead> {
    const entries = keys.map((key) => {
      const standing = this.#entries.get(key);
      const isEnough = standing !== undefined && (!isHit(standing) || standing.version >= least);
      return isEnough ? standing : this.#grant(key);
    });
    const gap = this.#gap;
    if (gap === null) return Promise.resolve({ entries, position: this.#published() });
    return Promise.resolve({ entries, position: null, learn: (position) => this.#learn(position, gap) });
  }

  fill(fills: readonly Fill[]): Promise<void> {
    for (const { key, lease, version, value, ttlMs } of fills) {
      const standing = this.#entries.peek(key);
      if (standing === undefined || isHit(standing) || standing.lease !== lease) continue;
      this.#set(key, { version, value }, ttlMs);
    }
    return Promise.resolve();
  }

  publish({ replaced, removed }: Changes, position: Position | null): Promise<void> {
    if (position === 'unknown') this.#gap = Symbol('gap');
    else if (position !== null) this.#raise(position);
    for (const key of removed) this.#entries.delete(key);
    for (const { key, version, value } of replaced) {
      const standing = this.#entries.peek(key);
      if (standing === undefined) continue;
      if (!isHit(standing)) this.#entries.delete(key);
      else if (standing.version < version) {
        this.#set(key, { version, value: value() }, this.#entries.getRemainingTTL(key));
      }
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#entries.clear();
    return Promise.resolve();
  }

  #published(): bigint | null {
    return this.#position.until > Date.now() ? this.#position.at : null;
  }

  /** A position that was read from the primary after the gap began covers all commits of the gap. */
  #learn(position: bigint, gap: symbol): Promise<void> {
    if (this.#gap === gap) {
      this.#gap = null;
      this.#raise(position);
    }
    return Promise.resolve();
  }

  #raise(position: bigint): void {
    if (position <= this.#position.at) return;
    this.#position = { at: position, until: Date.now() + limits.repository.positionMs };
  }

  #grant(key: string): Lease {
    const lease = { lease: String(++this.#leases) };
    this.#entries.set(key, lease, { ttl: limits.repository.leaseMs, size: 2 * key.length + LEASE_BYTES });
    return lease;
  }

  #set(key: string, entry: Entry, ttlMs: number): void {
    const size = 2 * key.length + freeze(entry.value);
    this.#entries.set(key, entry, { ttl: Math.max(1, Math.ceil(ttlMs)), size });
  }
}

type Lease = AbsentEntry & { readonly lease: string };

const LEASE_BYTES = 100;
/** Bytes of an object or an array besides its contents, and of a field besides its text. */
const OBJECT_BYTES = 64;
const FIELD_BYTES = 24;

/** Freezes a value deeply, and returns roughly how many bytes it takes. */
function freeze(value: unknown): number {
  if (typeof value === 'string') return FIELD_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return FIELD_BYTES;
  let bytes = OBJECT_BYTES;
  for (const part of Object.values(value)) bytes += freeze(part);
  Object.freeze(value);
  return bytes;
}
