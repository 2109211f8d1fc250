import { limits } from '../limits.ts';

/** What changed while nobody could be told. */
export interface Missed {
  /** `all` where they were too many to remember. */
  readonly keys: readonly string[] | 'all';
  readonly position: bigint | null;
}

export class Unpublished {
  #keys: Set<string> | 'all' = new Set();
  #position: bigint | null = null;

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Keys that are to be told of. */
  get size(): number {
    return this.#keys === 'all' ? limits.unpublishedKeys : this.#keys.size;
  }

  add(keys: readonly string[] | 'all', position: bigint | null): void {
    if (position !== null && position > (this.#position ?? 0n)) this.#position = position;
    if (this.#keys === 'all' || keys === 'all') {
      this.#keys = 'all';
      return;
    }
    for (const key of keys) this.#keys.add(key);
    if (this.#keys.size > limits.unpublishedKeys) this.#keys = 'all';
  }

  take(): Missed {
    const missed = { keys: this.#keys === 'all' ? this.#keys : [...this.#keys], position: this.#position };
    this.#keys = new Set();
    this.#position = null;
    return missed;
  }
}
