import { availableParallelism } from 'node:os';
import { Problem } from './problem.ts';
import { RecentCallers } from './recentCallers.ts';
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
  /**
   * Calls of one key that run at the same time while other keys call. Default: a quarter of all, and no more than half
   * of the processors that this process may use; one at least.
   */
  readonly mostBesideOthers?: number;
  /** Who calls, also where somebody else lets in. */
  readonly callers?: RecentCallers;
}

/**
 * Ends a turn: to be called once.
 *
 * @param isLarge whether the call is of those that keep the process busy for long by themselves
 */
export type EndTurn = (isLarge?: boolean) => void;

/** A rest is no longer than this, however long a call may wait. */
const LONGEST_REST_MS = 1_000;

/**
 * Lets so many calls work at the same time and so many wait for so long; whoever is beyond that is told at once to
 * come back. A service that takes in more than it can do answers nobody in time.
 *
 * Turns go round by API key: of keys that wait each gets one after the other, whatever the number of their calls. While
 * others call too, a key has only a few places, and its large calls run for half of the time: what runs cannot be
 * interrupted, so a client that calls now and then would wait behind all of it each time. Keys that have calls waiting
 * do not count as others: they share all places.
 */
export class Admission {
  readonly #queueTimeoutMs: number;
  readonly #places: Shares;
  readonly #waiting: Shares;
  readonly #callers: RecentCallers;
  readonly #mostBesideOthers: number;
  /** A call that waits for the end of a rest has to begin before its time to wait is over. */
  readonly #longestRestMs: number;
  /** For each key what starts its calls, the oldest first. The key whose turn is next comes first. */
  readonly #queues = new Map<string, Set<() => void>>();
  readonly #whenIdle: (() => void)[] = [];

  constructor({
    maxConcurrent,
    maxWaiting,
    queueTimeoutMs,
    mostOfKey = maxConcurrent,
    mostBesideOthers = Math.max(1, Math.floor(Math.min(maxConcurrent / 4, availableParallelism() / 2))),
    callers = new RecentCallers(),
  }: AdmissionOptions) {
    this.#queueTimeoutMs = queueTimeoutMs;
    this.#longestRestMs = Math.min(queueTimeoutMs / 2, LONGEST_REST_MS);
    this.#callers = callers;
    this.#mostBesideOthers = mostBesideOthers;
    this.#places = new Shares({ most: maxConcurrent, mostOfKey });
    this.#waiting = new Shares({ most: maxWaiting, mostOfKey: maxWaiting });
  }

  /**
   * Waits for a turn.
   *
   * @param deadline by `performance.now()`; a call that is not started by then is not started at all
   * @throws Problem `overloaded`, `deadline_exceeded`
   */
  async enter(keyId: string, deadline: number): Promise<EndTurn> {
    if (performance.now() >= deadline) throw notStarted();
    // Who has calls waiting works as much as it may: it is not one of those that others leave room for.
    const endCall = this.#queues.has(keyId) ? undefined : this.#callers.begin(keyId);
    const isFree = endCall !== undefined && this.#hasPlace(keyId);
    let giveBack: () => void;
    try {
      giveBack = isFree ? this.#places.take(keyId) : await this.#turn(keyId, deadline);
    } catch (error) {
      endCall?.();
      throw error;
    }
    const began = performance.now();
    const leave = (): void => {
      giveBack();
      this.#startNext();
    };
    return (isLarge = false) => {
      endCall?.();
      if (!isLarge || !this.#callers.hasOther(keyId, began)) leave();
      else setTimeout(leave, Math.min(performance.now() - began, this.#longestRestMs));
    };
  }

  /** Notes that a key has called, before it waits for its turn. */
  note(keyId: string): void {
    if (!this.#queues.has(keyId)) this.#callers.note(keyId);
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

  #hasPlace(keyId: string): boolean {
    const hasShare = this.#places.of(keyId) < this.#mostBesideOthers || !this.#callers.hasOther(keyId);
    return hasShare && this.#places.hasRoom(keyId);
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
      const waitMs = Math.min(this.#queueTimeoutMs, leftMs);
      const giveUp = (): void => {
        leave();
        const tooLong = `the call waited ${this.#queueTimeoutMs} ms for its turn`;
        reject(leftMs < this.#queueTimeoutMs ? notStarted() : overloaded(tooLong));
      };
      const timer = waitMs === Infinity ? undefined : setTimeout(giveUp, waitMs);
      const leave = (): void => {
        leaveQueue();
        queue.delete(start);
        if (queue.size === 0) this.#queues.delete(keyId);
      };
      const start = (): void => {
        clearTimeout(timer);
        leave();
        // Else what is soon refused, one after the other, would run without the process reading from anybody meanwhile.
        setImmediate(resolve, this.#places.take(keyId));
      };
      queue.add(start);
      this.#queues.set(keyId, queue);
    });
  }

  /** Gives what is free to the oldest calls of the keys whose turn it is, which are last from then on. */
  #startNext(): void {
    let next = this.#nextKey();
    while (next !== undefined) {
      const [keyId, queue] = next;
      const [oldest] = queue;
      oldest?.();
      if (queue.size > 0) {
        this.#queues.delete(keyId);
        this.#queues.set(keyId, queue);
      }
      next = this.#nextKey();
    }
    if (this.#places.taken === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #nextKey(): [string, Set<() => void>] | undefined {
    for (const waiting of this.#queues) if (this.#hasPlace(waiting[0])) return waiting;
    return undefined;
  }
}

export function overloaded(why: string): Problem {
  return new Problem('overloaded', `The service is busy: ${why}; nothing was done`, {
    headers: { 'retry-after': '1' },
  });
}

export function notStarted(): Problem {
  return new Problem('deadline_exceeded', 'The time of Request-Timeout was over before the call began');
}
