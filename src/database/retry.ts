import pRetry from 'p-retry';
import { limits } from '../limits.ts';
import { failureOf, type Failure } from './failures.ts';

/**
 * Tries `work` again after failures of these kinds, with jitter: what lost against others a bounded number of
 * times, what found no server for a bounded time.
 */
export function persistently<Result>(
  work: () => Promise<Result>,
  kinds: readonly Failure[],
): Promise<Result> {
  return pRetry(work, {
    retries: Infinity,
    minTimeout: 2,
    factor: 2,
    maxTimeout: 250,
    randomize: true,
    maxRetryTime: limits.reconnectMs,
    shouldRetry({ error, attemptNumber }) {
      const failure = failureOf(error);
      const isAway = failure === 'disconnected' || failure === 'refused';
      return kinds.includes(failure) && (isAway || attemptNumber < limits.attempts);
    },
  });
}
