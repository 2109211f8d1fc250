import { LRUCache } from 'lru-cache';
import type { LoadedBooks } from '../../books/books.ts';
import type { RowKeys } from '../../commands/rowKeys.ts';

/** After a collision a row counts as contended for this long. */
const HOT_MS = 1_000;
const HOT_ROWS = 10_000;

/** Remembers the rows that batches collided on, so that the next batches lock them first instead of losing their guard. */
export class Contention {
  readonly #hot = new LRUCache<string, true>({ max: HOT_ROWS, ttl: HOT_MS });

  /** Whether a batch that touches these rows should lock them first. */
  expects(keys: RowKeys): boolean {
    if (this.#hot.size === 0) return false;
    const isHot = ({ key }: { readonly key: string }): boolean => this.#hot.has(key);
    return keys.accounts.inOrder().some(isHot) || keys.orders.inOrder().some(isHot);
  }

  /** Remembers the rows that another batch changed between two reads of the same keys. */
  learn(keys: RowKeys, before: LoadedBooks, after: LoadedBooks): void {
    for (const { key } of keys.accounts.inOrder()) {
      if (before.accounts.get(key)?.version !== after.accounts.get(key)?.version) this.#hot.set(key, true);
    }
    for (const { key } of keys.orders.inOrder()) {
      if (before.orders.get(key)?.version !== after.orders.get(key)?.version) this.#hot.set(key, true);
    }
  }
}
