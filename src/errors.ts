/**
 * Why a whole call failed. What is wrong with one item of a batch is that item's
 * result instead: see {@link ItemErrorCode} in `results.ts`.
 */
export type ErrorCode =
  | 'invalid_configuration'
  | 'server_not_startable'
  | 'migration_failed'
  | 'database_unavailable'
  | 'database_refused'
  | 'pool_exhausted'
  | 'invalid_batch'
  | 'batch_too_large'
  | 'invalid_argument'
  | 'ambiguous_id'
  | 'broken_row'
  | 'unknown_currency'
  | 'unknown_market'
  | 'conflict'
  | 'outcome_unknown'
  | 'transaction_aborted'
  | 'invalid_file'
  | 'closed';

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'database_unavailable',
  'pool_exhausted',
  'conflict',
  'outcome_unknown',
]);

/** The one error class of Pincex. `code` is stable; the message is for people and may change. */
export class PincexError extends Error {
  override readonly name = 'PincexError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** What `JSON.stringify` shows of it; `cause`, which may be a driver's, has no place there. */
  toJSON(): { name: string; code: ErrorCode; message: string; retryable: boolean } {
    const { name, code, message, retryable } = this;
    return { name, code, message, retryable };
  }

  /** Whether the same call may succeed later as it is. Item ids make sending it again safe. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
