import { setMaxListeners } from 'node:events';
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  timeout,
  TimeoutStrategy,
  type CircuitBreakerPolicy,
  type Policy,
} from 'cockatiel';

/** Failures in a row after which a server is left alone for a while. */
const FAILURES = 3;

/** Keeps calls from waiting for a server that can be done without. */
export class Breaker {
  readonly #circuit: CircuitBreakerPolicy;

  /**
   * @param failures what counts as one
   * @param pauseMs for how long the server is then left alone
   */
  constructor(failures: Policy, pauseMs: number) {
    this.#circuit = circuitBreaker(failures, {
      halfOpenAfter: pauseMs,
      breaker: new ConsecutiveBreaker(FAILURES),
    });
  }

  /**
   * Runs `work` for so long at the most, and not at all while the server is left alone.
   *
   * @throws what `work` throws; cockatiel's errors where it was not run or not waited for
   */
  run<Result>(waitMs: number, work: () => Promise<Result>): Promise<Result> {
    // One call tries whether the server is back, and the others need not wait for what becomes of that.
    if (this.#circuit.state === CircuitState.HalfOpen) return Promise.reject(new BrokenCircuitError());
    const bounded = timeout(waitMs, TimeoutStrategy.Aggressive);
    return this.#circuit.execute(() => bounded.execute(work, NEVER), NEVER);
  }
}

/** All calls under way listen to one signal, and there may be any number of them: more than Node.js warns at. */
const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);
