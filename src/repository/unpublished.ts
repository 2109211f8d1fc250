import { limits } from '../limits.ts';
import type { Position } from './cache.ts';

/** The changes that could not be published. */
export interface Missed {
  /** `all` where they were too many to remember. */
  readonly keys: readonly string[] | 'all';
  readonly position: Position | null;
}

export class Unpublished {
  #keys: Set<string> | 'all' = new Set();
  #position: Position | null = null;

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Keys that are to be told of. */
  get size(): number {
    return this.#keys === 'all' ? limits.repository.unpublishedKeys : this.#keys.size;
  }

  add(keys: readonly string[] | 'all', position: Position | null): void {
    this.#position = later(this.#position, position);
    if (this.#keys === 'all' || keys === 'all') {
      this.#keys = 'all';
      return;
    }
    for (const key of keys) this.#keys.add(key);
    if (this.#keys.size > limits.repository.unpublishedKeys) this.#keys = 'all';
  }

  take(): Missed {
    const missed = { keys: this.#keys === 'all' ? this.#keys : [...this.#keys], position: this.#position };
    this.#keys = new Set();
    this.#position = null;
    return missed;
  }
}

/** The later of the positions of two commits. */
function later(one: Position | null, other: Position | null): Position | null {
  if (one === null || other === null) return one ?? other;
  if (one === 'unknown' || other === 'unknown') return 'unknown';
  return one > other ? one : other;
}
