/**
 * The reason why a whole call failed. A fault in one item of a batch is in the result of that item: see {@link ItemErrorCode}
 * in `results.ts`.
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
  | 'n_plus_one'
  | 'closed';

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'database_unavailable',
  'pool_exhausted',
  'conflict',
  'outcome_unknown',
]);

/** The only error class of Pincex. `code` is stable; the message is for people and may change. */
export class PincexError extends Error {
  override readonly name = 'PincexError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The error as `JSON.stringify` shows it, without its `cause`, which may be an error of the driver. */
  toJSON(): { name: string; code: ErrorCode; message: string; retryable: boolean } {
    const { name, code, message, retryable } = this;
    return { name, code, message, retryable };
  }

  /** Whether the same call may succeed later, unchanged. Item ids make a retry safe. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
