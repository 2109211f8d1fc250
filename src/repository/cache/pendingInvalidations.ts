import { limits } from '../../limits.ts';
import type { Position } from './cache.ts';

/** Entries that have to be removed from the cache, since a commit changed them and could not be published. */
export interface Invalidation {
  /** `all` if there were more keys than are remembered. */
  readonly keys: readonly string[] | 'all';
  /** The latest position of those commits. */
  readonly position: Position | null;
}

/** Collects what could not be published, until the cache answers again. */
export class PendingInvalidations {
  #keys: Set<string> | 'all' = new Set();
  #position: Position | null = null;

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#keys === 'all' ? limits.repository.pendingInvalidations : this.#keys.size;
  }

  add(keys: readonly string[] | 'all', position: Position | null): void {
    this.#position = later(this.#position, position);
    if (this.#keys === 'all' || keys === 'all') {
      this.#keys = 'all';
      return;
    }
    for (const key of keys) this.#keys.add(key);
    if (this.#keys.size > limits.repository.pendingInvalidations) this.#keys = 'all';
  }

  /** Returns what was collected, and forgets it. */
  take(): Invalidation {
    const taken = { keys: this.#keys === 'all' ? this.#keys : [...this.#keys], position: this.#position };
    this.#keys = new Set();
    this.#position = null;
    return taken;
  }
}

/** The later of the positions of two commits; an unknown one may be the later, so it wins. */
function later(one: Position | null, other: Position | null): Position | null {
  if (one === null || other === null) return one ?? other;
  if (one === 'unknown' || other === 'unknown') return 'unknown';
  return one > other ? one : other;
}
