import type { Problem } from './types.ts';

interface Details {
  readonly status?: number | undefined;
  readonly retryable: boolean;
  readonly problem?: Problem | undefined;
  /** The service's `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The failure of a whole call. A failure of one item of a batch is that item's result instead. */
export class PincexClientError extends Error {
  override readonly name = 'PincexClientError';
  /**
   * Stable, to switch on. The `code` of the service's problem document, or
   * - `network_error`: no answer came, or the answer broke off
   * - `timeout`: no complete answer came in time
   * - `http_error`: the answer is not the service's own, but for example that of a proxy before it
   */
  readonly code: string;
  /** The HTTP status; null if no answer came. */
  readonly status: number | null;
  /** Whether the same call may succeed later. The client has already used up its retries. */
  readonly retryable: boolean;
  /** The service's problem document (RFC 9457); null if the answer had none. */
  readonly problem: Problem | null;
  /**
   * The id of the batch that the call sent or asked for; `getBatch` tells its outcome. Null for other reads. Null too if the
   * caller gave an idempotency key without a batch id and the service named none: then send the call again with that key.
   */
  readonly batchId: string | null;
  /** The service's `Retry-After` in milliseconds; 0 if it sent none. */
  readonly retryAfterMs: number;

  constructor(code: string, message: string, details: Details) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.retryable = details.retryable;
    this.problem = details.problem ?? null;
    this.batchId = this.problem?.batchId ?? null;
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }

  /** The fields that `JSON.stringify` shows. */
  toJSON(): object {
    const { name, code, message, status, retryable, retryAfterMs, batchId, problem } = this;
    return { name, code, message, status, retryable, retryAfterMs, batchId, problem };
  }
}

/** Adds the id of the batch that the call sent to its error. */
export function withBatchId(batchId: string, error: PincexClientError): PincexClientError {
  return Object.assign(error, { batchId });
}

/** Statuses of proxies, and of a service that is busy, stopping or restarting. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/**
 * The error for an answer that is not 2xx.
 *
 * @internal
 */
export function errorOf({ status, headers }: Response, body: string): PincexClientError {
  const problem = problemOf(body);
  return new PincexClientError(problem?.code ?? 'http_error', problem?.detail ?? `HTTP status ${status}`, {
    status,
    // The problem's own `retryable` is more exact than the status.
    retryable: problem?.retryable ?? TRANSIENT.has(status),
    problem,
    retryAfterMs: readRetryAfter(headers.get('retry-after')),
  });
}

/** The error for an answer, or a part of one, that cannot be the service's. */
export function foreignAnswer(
  what: string,
  text: string,
  status: number,
  cause?: unknown,
): PincexClientError {
  const message = `${what}: does url lead to the service? The answer begins with ${JSON.stringify(text.slice(0, 100))}`;
  return new PincexClientError('http_error', message, { status, retryable: false, cause });
}

/** Parses the service's problem document. A proxy's problem document is told apart by its lack of `retryable`. */
function problemOf(body: string): Problem | undefined {
  try {
    const problem = JSON.parse(body) as Partial<Problem> | null;
    const { code, detail, retryable } = problem ?? {};
    return typeof code === 'string' && typeof detail === 'string' && typeof retryable === 'boolean'
      ? (problem as Problem)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Parses `Retry-After`, which is in seconds or a date, to milliseconds. */
export function readRetryAfter(header: string | null, now: number = Date.now()): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  return Math.max(0, (Date.parse(header) || 0) - now);
}
