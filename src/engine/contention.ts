import { LRUCache } from 'lru-cache';
import type { LoadedBooks } from '../books/books.ts';
import type { Keys } from '../commands/keys.ts';

/** For how long after a collision a row is expected to collide again. */
const HOT_MS = 1_000;
const HOT_ROWS = 10_000;

/** Remembers which rows batches collided on, so that the next ones lock them first instead of losing their guard. */
export class Contention {
  readonly #hot = new LRUCache<string, true>({ max: HOT_ROWS, ttl: HOT_MS });

  /** Whether a batch that touches these rows had better lock them. */
  expects(keys: Keys): boolean {
    if (this.#hot.size === 0) return false;
    const isHot = ({ key }: { readonly key: string }): boolean => this.#hot.has(key);
    return keys.accounts.inOrder().some(isHot) || keys.orders.inOrder().some(isHot);
  }

  /** Notes the rows that another batch changed between two readings of the same keys. */
  learn(keys: Keys, before: LoadedBooks, after: LoadedBooks): void {
    for (const { key } of keys.accounts.inOrder()) {
      if (before.accounts.get(key)?.version !== after.accounts.get(key)?.version) this.#hot.set(key, true);
    }
    for (const { key } of keys.orders.inOrder()) {
      if (before.orders.get(key)?.version !== after.orders.get(key)?.version) this.#hot.set(key, true);
    }
  }
}
