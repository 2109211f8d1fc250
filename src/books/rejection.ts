import type { ItemError, ItemErrorCode } from '../results.ts';

/** Codes of what time, and not the caller, may mend: the same item may succeed later. */
const RETRYABLE: ReadonlySet<ItemErrorCode> = new Set([
  'account_not_found',
  'insufficient_funds',
  'hold_not_found',
  'hold_exceeded',
  'order_not_found',
  'group_failed',
]);

/** Thrown by a rule or a check that refuses an item; it becomes that item's result and goes no further. */
export class Rejection extends Error {
  readonly code: ItemErrorCode;

  constructor(code: ItemErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  /** The error of the item at this place of the batch. */
  toItemError(index: number, id: string | null): ItemError {
    const message = `Item ${index}${id === null ? '' : ` (${id})`}: ${this.message}`;
    return { code: this.code, message, retryable: RETRYABLE.has(this.code) };
  }
}
