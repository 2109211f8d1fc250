import pRetry from 'p-retry';
import { limits } from '../limits.ts';
import type { Session } from './database.ts';
import { failureOf, type Failure } from './failures.ts';

/**
 * Tries `work` again after failures of these kinds, with jitter: what lost against others a bounded number of times, and
 * all for a bounded time. It counts from the first failure: how long `work` took before that says nothing of the server.
 */
export function persistently<Result>(
  work: () => Promise<Result>,
  kinds: readonly Failure[],
): Promise<Result> {
  let firstFailedAt: number | undefined;
  return pRetry(work, {
    retries: Infinity,
    minTimeout: 2,
    factor: 2,
    maxTimeout: 250,
    randomize: true,
    shouldRetry({ error, attemptNumber }) {
      const now = performance.now();
      firstFailedAt ??= now;
      if (now - firstFailedAt >= limits.reconnectMs) return false;
      const failure = failureOf(error);
      const isAway = failure === 'disconnected' || failure === 'refused';
      return kinds.includes(failure) && (isAway || attemptNumber < limits.attempts);
    },
  });
}

/** How often something was tried before it was given up, or for how long where the time ran out first. */
export function triedInVain(attempts: number): string {
  return attempts >= limits.attempts
    ? `${attempts} times`
    : `for ${limits.reconnectMs / 1_000} s (${attempts} times)`;
}

/** Reads that go on where writes would: nothing is lost when they are asked for again. */
export function persistentReads(session: Session): Session {
  return {
    query: (statement, values) =>
      persistently(() => session.query(statement, values), ['collision', 'refused', 'disconnected']),
  };
}
