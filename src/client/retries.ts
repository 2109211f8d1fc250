import { PincexClientError } from './errors.ts';
import type { Signal } from './platform.ts';

/** The first pause is up to this long, each one after it up to twice as long as the one before. */
const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** What the service asks to be left alone for longer than this is for the caller to wait for: it may be a day. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * How long to wait before a call is tried again: any time up to a bound that doubles, so that clients who failed at
 * the same moment do not come back at the same moment, and all of it behind what the service asked for.
 */
export function pauseMs(retry: number, retryAfterMs: number, random: () => number = Math.random): number {
  return retryAfterMs + random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** retry);
}

/** How often a call is tried again, and when. */
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

  /** Waits until it is time to try again. Where there is nothing to wait for, it throws what went wrong. */
  async after(error: unknown): Promise<void> {
    if (!(error instanceof PincexClientError) || !error.retryable) throw error;
    const pause = pauseMs(this.#made, error.retryAfterMs);
    const isOver = error.retryAfterMs > LONGEST_RETRY_AFTER_MS || performance.now() + pause >= this.#deadline;
    if (isOver || this.#made >= this.#most) throw error;
    this.#made++;
    await sleep(pause, this.#signal);
  }

  /** It went on: what fails from now on is a new failure. */
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
