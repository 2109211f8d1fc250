import { PincexClientError } from './errors.ts';
import type { Signal } from './platform.ts';

/** The first pause is at most this long. The bound doubles with each retry, up to `LONGEST_MS`. */
const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** If the service's `Retry-After` is longer than this, the call fails and the caller decides: it may be a day. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * The pause before a retry: the service's `Retry-After`, plus a random time below a bound that doubles (full jitter), so that
 * clients that failed at the same moment do not retry at the same moment.
 */
export function pauseMs(retry: number, retryAfterMs: number, random: () => number = Math.random): number {
  return retryAfterMs + random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** retry);
}

/** The retries of one call: how many it has had, and when the next may be. */
export class Retries {
  readonly #most: number;
  readonly #deadline: number;
  readonly #signal: AbortSignal | undefined;
  #made = 0;

  /** @param deadline by `performance.now()` */
  constructor(most: number, deadline: number, signal: Signal | undefined) {
    this.#most = most;
    this.#deadline = deadline;
    this.#signal = signal;
  }

  /** Waits until the next retry; throws the error if the error, the deadline or the number of retries allows none. */
  async after(error: unknown): Promise<void> {
    if (!(error instanceof PincexClientError) || !error.retryable) throw error;
    const pause = pauseMs(this.#made, error.retryAfterMs);
    const isOver = error.retryAfterMs > LONGEST_RETRY_AFTER_MS || performance.now() + pause >= this.#deadline;
    if (isOver || this.#made >= this.#most) throw error;
    this.#made++;
    await sleep(pause, this.#signal);
  }

  /** Gives all retries back, once the stream has made progress. */
  reset(): void {
    this.#made = 0;
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
