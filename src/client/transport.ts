import { errorOf, foreign, ofBatch, PincexClientError } from './errors.ts';
import { cut, Exchange, LONGEST_MS } from './exchange.ts';
import type { Fetch, Signal } from './platform.ts';
import { Retries } from './retries.ts';

export interface TransportOptions {
  readonly url: string;
  readonly key: string;
  readonly fetch: Fetch;
  readonly maxRetries: number;
  readonly timeoutMs: number;
}

/** What every call takes. */
export interface CallOptions {
  /** Gives the call up: it then fails with the reason of the signal. What was sent may be done all the same. */
  readonly signal?: Signal | undefined;
  /** All the time that the call has, with its retries. Default: that of the client. `Infinity`: any. */
  readonly timeoutMs?: number | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** A list that the answer has; what has none is not the service's. */
  readonly list?: string | undefined;
  /** JSON. It is made once, so that each attempt sends the same bytes. */
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of the batch that it runs, or asks for; its errors tell it. Without it they tell the first that the service told. */
  readonly batchId?: string | undefined;
}

/** Sends calls, and sends them again where that is of use. It is for its callers to send only what is safe to repeat. */
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
        // The reason of who gave the call up is not of this call, whatever it is.
        if (!(error instanceof PincexClientError) || error === signal?.reason) throw error;
        batchId ??= error.batchId;
        await retries.after(batchId === null ? error : ofBatch(batchId, error));
      }
    }
  }

  async #try(call: Call, deadline: number, signal: AbortSignal | undefined): Promise<unknown> {
    const exchange = new Exchange(signal);
    const leftMs = () => deadline - performance.now();
    try {
      const response = await exchange.within(leftMs(), this.#fetch(call, exchange, leftMs()));
      const text = await exchange.within(leftMs(), response.text());
      if (response.ok) return answerOf(text, response.status, call.list);
      const error = errorOf(response, text);
      // An atomic batch that was rejected has the same result as any other, in the problem that tells of it.
      const batch = error.problem?.['batch'];
      if (batch === undefined || error.code !== 'batch_rejected') throw error;
      return batch;
    } finally {
      exchange.end();
    }
  }

  /**
   * The lines of a stream, as many at a time as came together. A last line without its end was cut off and does not
   * come.
   *
   * @throws PincexClientError; and the reason of `signal`
   */
  async *lines(
    path: string,
    { signal, timeoutMs = this.#options.timeoutMs }: CallOptions,
  ): AsyncGenerator<string[], void> {
    requireTime(timeoutMs);
    const exchange = new Exchange(signal);
    try {
      const response = await exchange.within(timeoutMs, this.#fetch({ method: 'GET', path }, exchange));
      if (!response.ok) throw errorOf(response, await exchange.within(timeoutMs, response.text()));
      const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
      if (reader === undefined) throw cut();
      const decoder = new TextDecoder();
      let rest = '';
      for (;;) {
        const { done, value } = await exchange.within(timeoutMs, reader.read());
        if (done) return;
        const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        yield lines;
      }
    } finally {
      exchange.end();
    }
  }

  /** How often a stream may break off without a row in between. */
  retries(signal: Signal | undefined): Retries {
    return new Retries(this.#options.maxRetries, Infinity, signal);
  }

  #fetch({ method, path, body, headers }: Call, { signal }: Exchange, leftMs = Infinity): Promise<Response> {
    const { url, key, fetch } = this.#options;
    return fetch(url + path, {
      method,
      signal,
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
 * The time that the service has, in seconds: a tenth of what is left, at the most half a second, is kept back, so that
 * its answer that it was too late does not itself come too late.
 */
function secondsFor(leftMs: number): string {
  return (Math.max(1, leftMs - Math.min(leftMs / 10, 500)) / 1_000).toFixed(3);
}

function requireTime(timeoutMs: number): void {
  if (timeoutMs > 0) return;
  throw new TypeError(`timeoutMs is more than 0 milliseconds, or Infinity: got ${timeoutMs}`);
}

/** @throws PincexClientError `http_error` */
function answerOf(text: string, status: number, list: string | undefined): unknown {
  const answer = parse(text, status) as Readonly<Record<string, unknown>> | null;
  if (list === undefined || Array.isArray(answer?.[list])) return answer;
  throw foreign(`The answer has no ${list}`, text, status);
}

/** @throws PincexClientError `http_error` */
export function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw foreign('The answer is not JSON', text, status, cause);
  }
}
