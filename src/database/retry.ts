import pRetry from 'p-retry';
import { limits } from '../limits.ts';
import type { Session } from './database.ts';
import { failureOf, stoodUntilNow, type Failure } from './failures.ts';

/** Tries `work` again after failures of these kinds, with jitter, for as long as its attempts are worth it. */
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

/** The attempts at one piece of work, and what is true of them. */
export class Attempts {
  #lost = 0;
  /** Those that a server was at. */
  #worked = 0;
  #firstFailedAt: number | undefined;
  #lastFailedAt = 0;
  /** The first of a run of failures that say that the server is away, or takes nothing. */
  #awaySince: number | undefined;

  /**
   * Notes a failure. A server that is away is looked for since it went away: how long an attempt took that a server was at
   * does not count. Such attempts are bounded by their number; and all together by time.
   *
   * @returns whether another attempt is worth it
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

  /** For how many seconds the server was away, up to the last attempt, where that is why it was the last. */
  get awaySeconds(): number | undefined {
    return this.#awayMs < limits.database.reconnectMs ? undefined : Math.floor(this.#awayMs / 1_000);
  }

  /** How often it lost against others, and in which time, where that is what ran out. */
  get lost(): string {
    const times = this.#lost === 1 ? 'once' : `${this.#lost} times`;
    if (this.#worked >= limits.database.attempts) return times;
    return `${times} in ${Math.floor((this.#lastFailedAt - (this.#firstFailedAt ?? 0)) / 1_000)} s`;
  }
}

/** Reads that go on where writes would: nothing is lost when they are asked for again. */
export function persistentReads(session: Session): Session {
  return {
    query: (statement, values) =>
      persistently(() => session.query(statement, values), ['collision', 'refused', 'disconnected']),
  };
}
