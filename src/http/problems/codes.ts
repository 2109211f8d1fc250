import type { ErrorCode } from '../../errors.ts';

/**
 * Kinds of calls that may get a problem, for the document. `read`: calls with a key that write nothing to the books; `named`:
 * calls whose path names something.
 */
export type CallKind = 'any' | 'keyed' | 'body' | 'write' | 'read' | 'named' | 'outcome';

export interface ProblemKind {
  readonly status: number;
  /**
   * Whether the unchanged call may succeed later. A single case of `rate_limited` may say otherwise: see
   * `ProblemOptions`.
   */
  readonly retryable: boolean;
  /** For readers of the document and of docs/http.md, which has the same table. */
  readonly meaning: string;
  /** Empty if the problem is found before the route is known. */
  readonly calls: readonly CallKind[];
}

/** Codes of the library that no HTTP call can get: those of starting, of files, of tests and of `transaction()`. */
type ElsewhereCode =
  'invalid_configuration' | 'server_not_startable' | 'invalid_file' | 'n_plus_one' | 'transaction_aborted';

/** Every code that a whole call is refused with, by status. A rejected item is no refused call: see its result. */
export const problemKinds = {
  malformed_request: {
    status: 400,
    retryable: false,
    meaning: 'the body, a parameter or a header does not fit its schema; nothing was done',
    calls: ['any'],
  },
  invalid_batch: {
    status: 400,
    retryable: false,
    meaning: 'an option of the batch is wrong; nothing was done',
    calls: ['write'],
  },
  invalid_argument: {
    status: 400,
    retryable: false,
    meaning: 'an argument is wrong, such as a cursor that no stream has told',
    calls: ['read'],
  },
  ambiguous_id: {
    status: 400,
    retryable: false,
    meaning: 'an order is named by its id alone, and several users have an order of that id',
    calls: ['read'],
  },
  unknown_currency: {
    status: 400,
    retryable: false,
    meaning: 'a read names a currency that was not added',
    calls: ['read'],
  },
  unknown_market: {
    status: 400,
    retryable: false,
    meaning: 'a read names a market that was not added',
    calls: ['read'],
  },
  invalid_idempotency_key: {
    status: 400,
    retryable: false,
    meaning: 'the idempotency key is not one string of 1 to 255 printable ASCII characters in double quotes',
    calls: ['write'],
  },
  invalid_request_timeout: {
    status: 400,
    retryable: false,
    meaning: '`Request-Timeout` is not a number of seconds',
    calls: ['keyed'],
  },
  unauthorized: {
    status: 401,
    retryable: false,
    meaning: 'the call has no API key that is valid',
    calls: ['keyed'],
  },
  forbidden: {
    status: 403,
    retryable: false,
    meaning:
      'the key lacks a scope that is needed, or is not good for these users, markets or accounts, or from this address',
    calls: ['keyed'],
  },
  not_found: {
    status: 404,
    retryable: false,
    meaning:
      'there is no such route, alert or process; or this key has made no such batch, or it has expired',
    calls: ['named'],
  },
  method_not_allowed: {
    status: 405,
    retryable: false,
    meaning: 'the path takes other methods: those that `Allow` names',
    calls: [],
  },
  request_timeout: {
    status: 408,
    retryable: true,
    meaning: 'the request did not come in time',
    calls: ['body'],
  },
  request_in_progress: {
    status: 409,
    retryable: true,
    meaning: 'the first call with this idempotency key or `batchId` still runs: its `batchId` is told',
    calls: ['write'],
  },
  conflict: {
    status: 409,
    retryable: true,
    meaning: 'other batches changed the rows of the batch again and again; nothing was written',
    calls: ['write'],
  },
  batch_too_large: {
    status: 413,
    retryable: false,
    meaning: 'the call has too many items, or asks for too many rows; nothing was done',
    calls: ['body'],
  },
  body_too_large: {
    status: 413,
    retryable: false,
    meaning: 'the body has too many bytes, or too many values',
    calls: ['body'],
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    meaning: 'a body is `application/json`, in UTF-8, not compressed',
    calls: ['body'],
  },
  batch_rejected: {
    status: 422,
    retryable: false,
    meaning:
      'an item of an atomic batch was rejected, and nothing was done; the result is in `batch`, and its items say whether to try again',
    calls: ['write', 'outcome'],
  },
  idempotency_key_reused: {
    status: 422,
    retryable: false,
    meaning: 'the idempotency key was sent before with other content',
    calls: ['write'],
  },
  batch_id_reused: {
    status: 422,
    retryable: false,
    meaning: 'the `batchId` was given to another call of this key',
    calls: ['write'],
  },
  rate_limited: {
    status: 429,
    retryable: true,
    meaning:
      'the key sends more items than it may in a second; not retryable where the call alone has more, since it can never pass',
    calls: ['keyed'],
  },
  quota_exceeded: {
    status: 429,
    retryable: true,
    meaning: 'the stored answers of the key have reached their limit; nothing was done',
    calls: ['write'],
  },
  headers_too_large: {
    status: 431,
    retryable: false,
    meaning: 'the headers are larger than the service takes',
    calls: [],
  },
  internal_error: {
    status: 500,
    retryable: false,
    meaning: 'the service failed, and its log says why; a batch may have been done or not',
    calls: ['any'],
  },
  database_refused: {
    status: 500,
    retryable: false,
    meaning:
      'PostgreSQL refuses a statement of the service, for example for lack of a grant, until an operator corrects that',
    calls: ['any'],
  },
  broken_row: {
    status: 500,
    retryable: false,
    meaning: 'a read found a row whose version is too large for a JSON number',
    calls: ['read'],
  },
  overloaded: {
    status: 503,
    retryable: true,
    meaning: 'the service is busy; nothing was done',
    calls: ['keyed'],
  },
  database_unavailable: {
    status: 503,
    retryable: true,
    meaning: 'PostgreSQL cannot be reached, or does not answer in time; nothing was written',
    calls: ['any'],
  },
  pool_exhausted: {
    status: 503,
    retryable: true,
    meaning: 'no connection to PostgreSQL became free in time; nothing was written',
    calls: ['any'],
  },
  outcome_unknown: {
    status: 503,
    retryable: true,
    meaning: 'the connection to PostgreSQL broke while the batch was written; its outcome is unknown',
    calls: ['write'],
  },
  migration_failed: {
    status: 503,
    retryable: false,
    meaning: 'the schema of the database is not that of this version',
    calls: ['any'],
  },
  draining: {
    status: 503,
    retryable: true,
    meaning: 'the service is stopping; nothing was done',
    calls: ['any'],
  },
  closed: {
    status: 503,
    retryable: false,
    meaning: 'the service has stopped; nothing was done',
    calls: ['any'],
  },
  deadline_exceeded: {
    status: 504,
    retryable: true,
    meaning: 'the deadline of `Request-Timeout` passed; the problem says whether the batch had begun',
    calls: ['keyed'],
  },
} as const satisfies Record<string, ProblemKind> & Record<Exclude<ErrorCode, ElsewhereCode>, ProblemKind>;

/** Stable, lower_snake_case. */
export type ProblemCode = keyof typeof problemKinds;

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problemKinds, code);
