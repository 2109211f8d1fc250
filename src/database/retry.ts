import pRetry from 'p-retry';
import { limits } from '../limits.ts';
import type { Session } from './database.ts';
import { failureOf, stoodUntilNow, type Failure } from './failures.ts';

/**
 * Runs `work`, and retries it after failures of these kinds, with backoff and jitter, until the bounds of `attempts` are
 * reached.
 */
export function persistently<Result>(
  work: () => Promise<Result>,
  kinds: readonly Failure[],
  attempts = new Attempts(),
): Promise<Result> {
  return pRetry(work, {
    retries: Infinity,
    minTimeout: 2,
    factor: 2,
    maxTimeout: 250,
    randomize: true,
    shouldRetry: ({ error }) => attempts.mayGoOn(error) && kinds.includes(failureOf(error)),
  });
}

/** Counts the attempts at one piece of work, and decides whether to make another. */
export class Attempts {
  #lost = 0;
  /** Attempts in which a server was running. */
  #worked = 0;
  #firstFailedAt: number | undefined;
  #lastFailedAt = 0;
  /** The time of the first of the consecutive failures for lack of a server. */
  #awaySince: number | undefined;

  /**
   * Counts a failure. Without a server, the time since the first such failure is bounded; time in which a server worked does
   * not count. Attempts with a server are bounded by their number, and all attempts together by time.
   *
   * @returns whether to make another attempt
   */
  mayGoOn(error: unknown): boolean {
    const now = performance.now();
    const failure = failureOf(error);
    const isAway = failure === 'disconnected' || failure === 'refused';
    const wasThere = !isAway || stoodUntilNow(error);
    this.#firstFailedAt ??= now;
    this.#lastFailedAt = now;
    if (!isAway) this.#lost++;
    if (wasThere) {
      this.#worked++;
      this.#awaySince = undefined;
    }
    if (isAway) this.#awaySince ??= now;
    return (
      this.#worked < limits.database.attempts &&
      this.#awayMs < limits.database.reconnectMs &&
      now - this.#firstFailedAt < limits.database.againMs
    );
  }

  get #awayMs(): number {
    return this.#awaySince === undefined ? 0 : this.#lastFailedAt - this.#awaySince;
  }

  /** The seconds without a server, up to the last attempt; `undefined` unless that is why it was the last. */
  get awaySeconds(): number | undefined {
    return this.#awayMs < limits.database.reconnectMs ? undefined : Math.floor(this.#awayMs / 1_000);
  }

  /** How often the work lost against concurrent changes, with the time that this took if time was the bound. */
  get lost(): string {
    const times = this.#lost === 1 ? 'once' : `${this.#lost} times`;
    if (this.#worked >= limits.database.attempts) return times;
    return `${times} in ${Math.floor((this.#lastFailedAt - (this.#firstFailedAt ?? 0)) / 1_000)} s`;
  }
}

/** A session whose statements are retried after failures. It is for reads, which can always be repeated. */
export function persistentReads(session: Session): Session {
  return {
    query: (statement, values) =>
      persistently(() => session.query(statement, values), ['collision', 'refused', 'disconnected']),
  };
}
