import { rounded } from './duration.ts';

/**
 * The reason why an item of a batch was rejected. If an item has several faults, the first one in the order of precedence
 * counts: `docs/results-and-errors.md` has the table in that order.
 */
export type ItemErrorCode =
  | 'invalid_item'
  | 'invalid_metadata'
  | 'invalid_reason'
  | 'invalid_id'
  | 'unknown_currency'
  | 'unknown_market'
  | 'invalid_amount'
  | 'invalid_price'
  | 'invalid_quantity'
  | 'invalid_order'
  | 'invalid_time'
  | 'below_minimum'
  | 'market_forbidden'
  | 'id_reused'
  | 'broken_row'
  | 'outside_price_band'
  | 'already_rejected'
  | 'order_not_found'
  | 'order_exists'
  | 'trade_mismatch'
  | 'invalid_transition'
  | 'order_placed'
  | 'account_not_found'
  | 'account_exists'
  | 'hold_not_found'
  | 'hold_in_use'
  | 'hold_exceeded'
  | 'insufficient_funds'
  | 'group_failed';

/** The error of one item. */
export interface ItemError {
  /** Stable: programs can rely on it. */
  readonly code: ItemErrorCode;
  /** Names the item, the value and what would be accepted. */
  readonly message: string;
  /** Whether the same item may succeed later, unchanged, once the books have changed. */
  readonly retryable: boolean;
}

/** The outcome of one item. A success carries no error, a failure no data. */
export type ItemResult<Data> = {
  /** The index of the item in the request, from 0. */
  readonly index: number;
  /** The caller's id of the item; `null` if it had no valid one. */
  readonly id: string | null;
} & (
  | { readonly status: 'applied' | 'replayed'; readonly data: Data }
  | { readonly status: 'rejected'; readonly error: ItemError }
  | { readonly status: 'skipped' }
);

/**
 * - `partial`: each item is applied or rejected by itself.
 * - `stop_on_error`: like `partial` up to the first rejected item; the items after it are skipped.
 * - `atomic`: all items or none.
 */
export type BatchMode = 'partial' | 'stop_on_error' | 'atomic';

export interface BatchCounts {
  /** All items of the batch. */
  readonly total: number;
  /** Items that this batch applied. */
  readonly applied: number;
  /** Items that were rejected; the result of each has its error. */
  readonly rejected: number;
  /** Items that were applied before, with the same id and content; the result is the earlier one. */
  readonly replayed: number;
  /** Items after a rejected one in mode `stop_on_error`, which were not tried. */
  readonly skipped: number;
}

/** The outcome of a batch. */
export interface BatchResult<Data> {
  /** The id that the caller gave, or a UUID of version 7 made when the call began. */
  readonly batchId: string;
  /** The mode of the batch. */
  readonly mode: BatchMode;
  /** `applied`: every item is applied or replayed; `rejected`: none is; `partial`: some are. */
  readonly status: 'applied' | 'partial' | 'rejected';
  /** The number of items by outcome. */
  readonly counts: BatchCounts;
  /** Milliseconds from call to result, to a hundredth. */
  readonly durationMs: number;
  /** One for each item, in the order of the request. */
  readonly results: readonly ItemResult<Data>[];
  /** The number of items that were applied or replayed. */
  readonly successCount: number;
  /** The error of each rejected item, by its index. In JSON it is an object: `{"1": {"code": …}}`. */
  readonly failedItems: ReadonlyMap<number, ItemError>;
}

/** Adds up the results of a batch. */
export function summarize<Data>(
  batchId: string,
  mode: BatchMode,
  results: readonly ItemResult<Data>[],
  durationMs: number,
): BatchResult<Data> {
  const counts = { total: results.length, applied: 0, rejected: 0, replayed: 0, skipped: 0 };
  const failedItems = new Map<number, ItemError>();
  // `JSON.stringify` would show a Map as an empty object.
  Object.defineProperty(failedItems, 'toJSON', { value: () => Object.fromEntries(failedItems) });
  for (const result of results) {
    counts[result.status]++;
    if (result.status === 'rejected') failedItems.set(result.index, result.error);
  }
  const successCount = counts.applied + counts.replayed;
  const status = successCount === counts.total ? 'applied' : successCount === 0 ? 'rejected' : 'partial';
  return {
    batchId,
    mode,
    status,
    counts,
    durationMs: rounded(durationMs),
    results,
    successCount,
    failedItems,
  };
}
