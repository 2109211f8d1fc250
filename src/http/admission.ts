import { Problem } from './problem.ts';

export interface AdmissionOptions {
  /** Calls that run at the same time. */
  readonly maxConcurrent: number;
  /** Calls that may wait for their turn. */
  readonly maxWaiting: number;
  /** How long one may wait. */
  readonly queueTimeoutMs: number;
}

/**
 * Lets so many calls work at the same time and so many wait for so long; whoever is beyond that is told at once to
 * come back. A service that takes in more than it can do answers nobody in time.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  /** What starts each of those that wait. */
  readonly #queue = new Set<() => void>();
  readonly #whenIdle: (() => void)[] = [];
  #running = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` when its turn comes.
   *
   * @param deadline by `performance.now()`; a call that is not started by then is not started at all
   * @throws Problem `overloaded`, `deadline_exceeded`
   */
  async run<Result>(deadline: number, work: () => Promise<Result>): Promise<Result> {
    const leave = await this.enter(deadline);
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /**
   * Waits for a turn.
   *
   * @returns what ends it: to be called once
   * @throws Problem `overloaded`, `deadline_exceeded`
   */
  async enter(deadline: number): Promise<() => void> {
    if (performance.now() >= deadline) throw notStarted();
    if (this.#running < this.#options.maxConcurrent) this.#running++;
    else await this.#turn(deadline);
    return () => {
      this.#leave();
    };
  }

  /** How many work and wait now. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#queue.size };
  }

  /** Resolves once nothing works or waits, be it that somebody still waits for what comes of it or not. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #turn(deadline: number): Promise<void> {
    const { maxWaiting, queueTimeoutMs } = this.#options;
    if (this.#queue.size >= maxWaiting) {
      return Promise.reject(
        overloaded(`${this.#running} calls are running and ${maxWaiting} wait, as many as may`),
      );
    }
    return new Promise((resolve, reject) => {
      const leftMs = Math.max(0, deadline - performance.now());
      const timer = setTimeout(
        () => {
          this.#queue.delete(start);
          reject(
            leftMs < queueTimeoutMs
              ? notStarted()
              : overloaded(`the call waited ${queueTimeoutMs} ms for its turn`),
          );
        },
        Math.min(queueTimeoutMs, leftMs),
      );
      const start = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#queue.add(start);
    });
  }

  /** Gives the place that became free to who waits longest. */
  #leave(): void {
    const [first] = this.#queue;
    if (first === undefined) {
      this.#running--;
      if (this.#running === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
      return;
    }
    this.#queue.delete(first);
    first();
  }
}

export function overloaded(why: string): Problem {
  return new Problem(503, 'overloaded', `The service is busy: ${why}; nothing was done`, {
    headers: { 'retry-after': '1' },
    retryable: true,
  });
}

export function notStarted(): Problem {
  return new Problem(504, 'deadline_exceeded', 'The time of Request-Timeout was over before the call began', {
    retryable: true,
  });
}
