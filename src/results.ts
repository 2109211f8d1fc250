import { rounded } from './duration.ts';

/**
 * Why one item of a batch was rejected. An item is read before the books are looked at, and its id before its
 * rule; `docs/results-and-errors.md` has the table, in order of precedence.
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

/** What is wrong with one item. */
export interface ItemError {
  /** Stable, to switch on. */
  readonly code: ItemErrorCode;
  /** Names the item, the value and what would be accepted. */
  readonly message: string;
  /** Whether the same item may succeed later, as it is, once the books have moved. */
  readonly retryable: boolean;
}

/** The outcome of one item. A success carries no error, a failure no data. */
export type ItemResult<Data> = {
  /** Place in the request, from 0. */
  readonly index: number;
  /** The caller's id of the item; `null` if it had none that could be read. */
  readonly id: string | null;
} & (
  | { readonly status: 'applied' | 'replayed'; readonly data: Data }
  | { readonly status: 'rejected'; readonly error: ItemError }
  | { readonly status: 'skipped' }
);

/**
 * - `partial`: what succeeds is kept, each item on its own.
 * - `stop_on_error`: as `partial` up to the first rejected item; the rest is skipped.
 * - `atomic`: all items or none.
 */
export type BatchMode = 'partial' | 'stop_on_error' | 'atomic';

export interface BatchCounts {
  /** Items of the batch. */
  readonly total: number;
  /** Done now. */
  readonly applied: number;
  /** Refused: each result has its error. */
  readonly rejected: number;
  /** Done before, by an item of the same id and content: the result is that of then. */
  readonly replayed: number;
  /** Not tried, behind a rejected item in mode `stop_on_error`. */
  readonly skipped: number;
}

/** The outcome of a batch: a dense list of results in the order of the request. */
export interface BatchResult<Data> {
  /** The caller's own, or a UUID of version 7 made when the call began. */
  readonly batchId: string;
  /** How the batch was asked to be done. */
  readonly mode: BatchMode;
  /** `applied`: every item is applied or replayed; `rejected`: none is; `partial`: some are. */
  readonly status: 'applied' | 'partial' | 'rejected';
  /** How many items had which outcome. */
  readonly counts: BatchCounts;
  /** Milliseconds from call to result, to a hundredth. */
  readonly durationMs: number;
  /** One for each item, in the order of the request. */
  readonly results: readonly ItemResult<Data>[];
  /** Items applied or replayed. */
  readonly successCount: number;
  /** Index of every rejected item, with its error. In JSON an object: `{"1": {"code": …}}`. */
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
  // JSON knows no maps, and would show none of them.
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
