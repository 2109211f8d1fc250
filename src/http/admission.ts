import { Problem } from './problem.ts';
import { Shares } from './shares.ts';

export interface AdmissionOptions {
  /** Calls that run at the same time. */
  readonly maxConcurrent: number;
  /** Calls that may wait for their turn. */
  readonly maxWaiting: number;
  /** How long one may wait. */
  readonly queueTimeoutMs: number;
  /** Calls of one key that run at the same time. Default: all that are not kept for others. */
  readonly mostOfKey?: number;
}

/**
 * Lets so many calls work at the same time and so many wait for so long; whoever is beyond that is told at once to
 * come back. A service that takes in more than it can do answers nobody in time.
 *
 * Turns go round by API key: of keys that wait each gets one after the other, whatever the number of their calls.
 */
export class Admission {
  readonly #queueTimeoutMs: number;
  readonly #places: Shares;
  readonly #waiting: Shares;
  /** For each key what starts its calls, the oldest first. The key whose turn is next comes first. */
  readonly #queues = new Map<string, Set<() => void>>();
  readonly #whenIdle: (() => void)[] = [];

  constructor({ maxConcurrent, maxWaiting, queueTimeoutMs, mostOfKey = maxConcurrent }: AdmissionOptions) {
    this.#queueTimeoutMs = queueTimeoutMs;
    this.#places = new Shares({ most: maxConcurrent, mostOfKey });
    this.#waiting = new Shares({ most: maxWaiting, mostOfKey: maxWaiting });
  }

  /**
   * Runs `work` when its turn comes.
   *
   * @param deadline by `performance.now()`; a call that is not started by then is not started at all
   * @throws Problem `overloaded`, `deadline_exceeded`
   */
  async run<Result>(keyId: string, deadline: number, work: () => Promise<Result>): Promise<Result> {
    const leave = await this.enter(keyId, deadline);
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
  async enter(keyId: string, deadline: number): Promise<() => void> {
    if (performance.now() >= deadline) throw notStarted();
    const giveBack = this.#places.hasRoom(keyId)
      ? this.#places.take(keyId)
      : await this.#turn(keyId, deadline);
    return () => {
      giveBack();
      this.#startNext();
    };
  }

  /** How many work and wait now. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#places.taken, waiting: this.#waiting.taken };
  }

  /** Resolves once nothing works or waits, be it that somebody still waits for what comes of it or not. */
  idle(): Promise<void> {
    if (this.#places.taken === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #turn(keyId: string, deadline: number): Promise<() => void> {
    if (!this.#waiting.hasRoom(keyId)) {
      const { running, waiting } = this.load;
      return Promise.reject(overloaded(`${running} calls are running and ${waiting} wait, as many as may`));
    }
    return new Promise((resolve, reject) => {
      const leftMs = Math.max(0, deadline - performance.now());
      const queue = this.#queues.get(keyId) ?? new Set();
      const leaveQueue = this.#waiting.take(keyId);
      const timer = setTimeout(
        () => {
          leave();
          reject(
            leftMs < this.#queueTimeoutMs
              ? notStarted()
              : overloaded(`the call waited ${this.#queueTimeoutMs} ms for its turn`),
          );
        },
        Math.min(this.#queueTimeoutMs, leftMs),
      );
      const leave = (): void => {
        leaveQueue();
        queue.delete(start);
        if (queue.size === 0) this.#queues.delete(keyId);
      };
      const start = (): void => {
        clearTimeout(timer);
        leave();
        resolve(this.#places.take(keyId));
      };
      queue.add(start);
      this.#queues.set(keyId, queue);
    });
  }

  /** Gives the place that became free to the oldest call of the key whose turn it is, which is last from then on. */
  #startNext(): void {
    for (const [keyId, queue] of this.#queues) {
      if (!this.#places.hasRoom(keyId)) continue;
      const [oldest] = queue;
      oldest?.();
      if (queue.size > 0) {
        this.#queues.delete(keyId);
        this.#queues.set(keyId, queue);
      }
      return;
    }
    if (this.#places.taken === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
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
