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

/** Failures in a row that open the circuit. */
const FAILURES = 3;

/** Keeps calls from waiting for a server that is not answering and that the caller can do without. */
export class CircuitBreaker {
  readonly #circuit: CircuitBreakerPolicy;

  /**
   * @param failures the errors that count as failures of the server
   * @param pauseMs how long the circuit stays open, so that the server gets no calls
   */
  constructor(failures: Policy, pauseMs: number) {
    this.#circuit = circuitBreaker(failures, {
      halfOpenAfter: pauseMs,
      breaker: new ConsecutiveBreaker(FAILURES),
    });
  }

  /**
   * Runs `work` for at most `waitMs`, and not at all while the circuit is open.
   *
   * @throws the errors of `work`; cockatiel's errors if `work` was not run or timed out
   */
  run<Result>(waitMs: number, work: () => Promise<Result>): Promise<Result> {
    // While the circuit is half open, one call tests whether the server is back. Other calls would queue behind it.
    if (this.#circuit.state === CircuitState.HalfOpen) return Promise.reject(new BrokenCircuitError());
    const bounded = timeout(waitMs, TimeoutStrategy.Aggressive);
    return this.#circuit.execute(() => bounded.execute(work, NEVER), NEVER);
  }
}

/** All calls in flight listen to this one signal, so its number of listeners may exceed the one at which Node.js warns. */
const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);
