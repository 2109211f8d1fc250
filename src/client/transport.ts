import { bodyReaderOf, requireLineLength, textOf } from './body.ts';
import { errorOf, foreignAnswer, withBatchId, PincexClientError } from './errors.ts';
import { brokenOff, Exchange, LONGEST_MS } from './exchange.ts';
import type { Fetch, Signal } from './platform.ts';
import { Retries } from './retries.ts';

export interface TransportOptions {
  readonly url: string;
  readonly key: string;
  readonly fetch: Fetch;
  readonly maxRetries: number;
  readonly timeoutMs: number;
}

/** The options of every call. */
export interface CallOptions {
  /** Aborts the call, which then fails with the reason of the signal. The service may still carry out what was sent. */
  readonly signal?: Signal | undefined;
  /** How long the call may take, with its retries. Default: that of the client. `Infinity`: no limit. */
  readonly timeoutMs?: number | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** The name of a list that the answer must have; an answer without it is not the service's. */
  readonly list?: string | undefined;
  /** JSON, made once, so that each attempt sends the same bytes. */
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The id of the batch that the call sends or asks for, for its errors. Default: the first that the service names in an error. */
  readonly batchId?: string | undefined;
}

/** Sends calls, with retries. Its callers must send only calls that are safe to repeat. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** @throws PincexClientError; and the reason of `signal` */
  async send(
    call: Call,
    { signal, timeoutMs = this.#options.timeoutMs }: CallOptions = {},
  ): Promise<unknown> {
    requireTime(timeoutMs);
    const deadline = performance.now() + timeoutMs;
    const retries = new Retries(this.#options.maxRetries, deadline, signal);
    let { batchId = null } = call;
    for (;;) {
      try {
        return await this.#try(call, deadline, signal);
      } catch (error) {
        // The reason of the caller's signal is passed on unchanged, even if it is a PincexClientError.
        if (!(error instanceof PincexClientError) || error === signal?.reason) throw error;
        batchId ??= error.batchId;
        await retries.after(batchId === null ? error : withBatchId(batchId, error));
      }
    }
  }

  async #try(call: Call, deadline: number, signal: AbortSignal | undefined): Promise<unknown> {
    const exchange = new Exchange(signal);
    const leftMs = () => deadline - performance.now();
    try {
      const response = await exchange.within(leftMs(), this.#fetch(call, exchange, leftMs()));
      const text = await exchange.within(leftMs(), textOf(response));
      if (response.ok) return answerOf(text, response.status, call.list);
      const error = errorOf(response, text);
      // The result of a rejected atomic batch is a field of its problem document.
      const batch = error.problem?.['batch'];
      if (batch === undefined || error.code !== 'batch_rejected') throw error;
      return batch;
    } finally {
      exchange.end();
    }
  }

  /**
   * The lines of a stream, as many at a time as came in one chunk. A last line without its newline was cut off and is
   * dropped.
   *
   * @param longest characters of a line
   * @throws PincexClientError; and the reason of `signal`
   */
  async *lines(
    path: string,
    { signal, timeoutMs = this.#options.timeoutMs }: CallOptions,
    longest?: number,
  ): AsyncGenerator<string[], void> {
    requireTime(timeoutMs);
    const exchange = new Exchange(signal);
    try {
      const response = await exchange.within(timeoutMs, this.#fetch({ method: 'GET', path }, exchange));
      if (!response.ok) throw errorOf(response, await exchange.within(timeoutMs, textOf(response)));
      const reader = bodyReaderOf(response);
      if (reader === undefined) throw brokenOff();
      const decoder = new TextDecoder();
      let rest = '';
      for (;;) {
        const { done, value } = await exchange.within(timeoutMs, reader.read());
        if (done) return;
        const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        requireLineLength(rest, response.status, longest);
        yield lines;
      }
    } finally {
      exchange.end();
    }
  }

  /** The retries of a stream, which `reset` gives back with each row. */
  retries(signal: Signal | undefined): Retries {
    return new Retries(this.#options.maxRetries, Infinity, signal);
  }

  #fetch({ method, path, body, headers }: Call, { signal }: Exchange, leftMs = Infinity): Promise<Response> {
    const { url, key, fetch } = this.#options;
    return fetch(url + path, {
      method,
      signal,
      // No redirect is followed, not even within one host: the key and the batch are for this URL alone.
      redirect: 'manual',
      headers: {
        ...headers,
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(leftMs < LONGEST_MS && { 'request-timeout': secondsFor(leftMs) }),
      },
      ...(body !== undefined && { body }),
    });
  }
}

/**
 * The time limit that the service gets, in seconds. It is shorter than the time that is left by a tenth, at most half a second,
 * so that the service's own answer `deadline_exceeded` still comes in time.
 */
function secondsFor(leftMs: number): string {
  return (Math.max(1, leftMs - Math.min(leftMs / 10, 500)) / 1_000).toFixed(3);
}

function requireTime(timeoutMs: number): void {
  if (timeoutMs > 0) return;
  throw new TypeError(`timeoutMs must be more than 0 milliseconds, or Infinity: got ${timeoutMs}`);
}

/** @throws PincexClientError `http_error` */
function answerOf(text: string, status: number, list: string | undefined): unknown {
  const answer = parse(text, status) as Readonly<Record<string, unknown>> | null;
  if (list === undefined || Array.isArray(answer?.[list])) return answer;
  throw foreignAnswer(`The answer has no ${list}`, text, status);
}

/** @throws PincexClientError `http_error` */
export function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw foreignAnswer('The answer is not JSON', text, status, cause);
  }
}
