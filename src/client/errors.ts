import type { Problem } from './types.ts';

interface Details {
  readonly status?: number | undefined;
  readonly retryable: boolean;
  readonly problem?: Problem | undefined;
  /** How long the service asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Why a whole call failed. What is wrong with one item of a batch is that item's result instead. */
export class PincexClientError extends Error {
  override readonly name = 'PincexClientError';
  /**
   * Stable, to switch on: the `code` of the problem that the service told, or
   * - `network_error`: no answer came, or not all of it
   * - `timeout`: nor did it in time
   * - `http_error`: the answer is not the service's own, but that of a proxy before it, say
   */
  readonly code: string;
  /** The HTTP status; null where no answer came. */
  readonly status: number | null;
  /** Whether the same call may succeed later as it is. The client has tried as often as it may by then. */
  readonly retryable: boolean;
  /** What the service told, RFC 9457; null where it told nothing. */
  readonly problem: Problem | null;
  /**
   * Of the batch that the call was to run, or asked for: what became of it can be asked for. Null for other reads, and
   * where the call had an idempotency key of its caller's, and neither it nor the service named a batch: send it again
   * with that key.
   */
  readonly batchId: string | null;
  /** Milliseconds after which the service may be asked again, by its own word. */
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

  /** What `JSON.stringify` shows of it. */
  toJSON(): object {
    const { name, code, message, status, retryable, retryAfterMs, batchId, problem } = this;
    return { name, code, message, status, retryable, retryAfterMs, batchId, problem };
  }
}

/** The failure of a call that was to run this batch. */
export function ofBatch(batchId: string, error: PincexClientError): PincexClientError {
  return Object.assign(error, { batchId });
}

/** Of proxies and of a service that is busy, stopping or restarting. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/**
 * What an answer that is not 2xx means.
 *
 * @internal
 */
export function errorOf({ status, headers }: Response, body: string): PincexClientError {
  const problem = problemOf(body);
  return new PincexClientError(problem?.code ?? 'http_error', problem?.detail ?? `HTTP status ${status}`, {
    status,
    // The service knows better than its status.
    retryable: problem?.retryable ?? TRANSIENT.has(status),
    problem,
    retryAfterMs: readRetryAfter(headers.get('retry-after')),
  });
}

/** Of an answer, or a part of it, that is not the service's. */
export function foreign(what: string, text: string, status: number, cause?: unknown): PincexClientError {
  const message = `${what}: is it the service that answers here? It begins with ${JSON.stringify(text.slice(0, 100))}`;
  return new PincexClientError('http_error', message, { status, retryable: false, cause });
}

/** The problem that the service tells of. Those of proxies do not say whether they are `retryable`. */
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

/** `Retry-After` in milliseconds: it comes in seconds, or as a date. */
export function readRetryAfter(header: string | null, now: number = Date.now()): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  return Math.max(0, (Date.parse(header) || 0) - now);
}
