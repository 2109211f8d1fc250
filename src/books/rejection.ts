import type { ItemError, ItemErrorCode } from '../results.ts';

/** The codes of items that may succeed later, unchanged. */
const RETRYABLE: ReadonlySet<ItemErrorCode> = new Set([
  'account_not_found',
  'insufficient_funds',
  'hold_not_found',
  'hold_exceeded',
  'order_not_found',
  'group_failed',
]);

/** Thrown by a rule or a check that refuses an item. It becomes the result of that item and leaves the others alone. */
export class Rejection extends Error {
  readonly code: ItemErrorCode;

  constructor(code: ItemErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  /** The error of the item with this index in the batch. */
  toItemError(index: number, id: string | null): ItemError {
    const message = `Item ${index}${id === null ? '' : ` (${id})`}: ${this.message}`;
    return { code: this.code, message, retryable: RETRYABLE.has(this.code) };
  }
}
