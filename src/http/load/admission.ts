import { availableParallelism } from 'node:os';
import { notStarted, overloaded } from '../problems/problem.ts';
import { RecentCallers } from './recentCallers.ts';
import { SharedBudget } from './sharedBudget.ts';

export interface AdmissionOptions {
  /** Calls that run at the same time. */
  readonly maxConcurrent: number;
  /** Calls that may wait for a place. */
  readonly maxWaiting: number;
  /** Milliseconds that a call may wait. */
  readonly queueTimeoutMs: number;
  /** Calls of one key that run at the same time. Default: all places that are not reserved for other keys. */
  readonly mostOfKey?: number;
  /**
   * Calls of one key that run at the same time while other keys call. Default: a quarter of all places, at most half of
   * the processors that this process may use, at least one.
   */
  readonly mostBesideOthers?: number;
  /** Shared by admissions whose calls leave room for each other. Default: its own. */
  readonly callers?: RecentCallers;
}

/**
 * Gives the place of a call back; call it once.
 *
 * @param isLarge whether the call keeps the process busy for long by itself
 */
export type Leave = (isLarge?: boolean) => void;

/** Milliseconds of the longest rest, however long a call may wait. */
const LONGEST_REST_MS = 1_000;

/**
 * Backpressure: a bounded number of calls runs, a bounded number waits for a bounded time, and any other call is refused
 * at once. A service that accepts more than it can do answers nobody in time.
 *
 * Places go round by API key: each key with waiting calls gets one place after the other, whatever the number of its
 * calls. While other keys call too, a key has only a few places, and after a large call its place rests for as long as
 * the call ran: a running call cannot be interrupted, so an occasional client would wait behind a large one each time.
 * A key with waiting calls does not count as another key here: such keys share all places.
 */
export class Admission {
  readonly #queueTimeoutMs: number;
  readonly #places: SharedBudget;
  readonly #waiting: SharedBudget;
  readonly #callers: RecentCallers;
  readonly #mostBesideOthers: number;
  /** At most half of the queue timeout, so that a call that waits for the end of a rest still begins in time. */
  readonly #longestRestMs: number;
  /** For each key the functions that start its waiting calls, oldest first. The key that is next comes first. */
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
    this.#places = new SharedBudget({ most: maxConcurrent, mostOfKey });
    this.#waiting = new SharedBudget({ most: maxWaiting, mostOfKey: maxWaiting });
  }

  /**
   * Waits for a place.
   *
   * @param deadline by `performance.now()`; a call that has no place by then never starts
   * @throws Problem `overloaded`, `deadline_exceeded`
   */
  async enter(keyId: string, deadline: number): Promise<Leave> {
    if (performance.now() >= deadline) throw notStarted();
    // A key with waiting calls already uses all it may: other keys need not leave room for it.
    const endCall = this.#queues.has(keyId) ? undefined : this.#callers.begin(keyId);
    const isFree = endCall !== undefined && this.#hasPlace(keyId);
    let release: () => void;
    try {
      release = isFree ? this.#places.use(keyId) : await this.#wait(keyId, deadline);
    } catch (error) {
      endCall?.();
      throw error;
    }
    const began = performance.now();
    const leave = (): void => {
      release();
      this.#startNext();
    };
    return (isLarge = false) => {
      endCall?.();
      if (!isLarge || !this.#callers.hasOther(keyId, began)) leave();
      else setTimeout(leave, Math.min(performance.now() - began, this.#longestRestMs));
    };
  }

  /** Notes that a key has called, before the call waits for a place. */
  note(keyId: string): void {
    if (!this.#queues.has(keyId)) this.#callers.note(keyId);
  }

  /** Number of calls that run and that wait now. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#places.used, waiting: this.#waiting.used };
  }

  /** Resolves once no call runs or waits, also if the clients of the last ones have hung up. */
  idle(): Promise<void> {
    if (this.#places.used === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #hasPlace(keyId: string): boolean {
    const hasShare = this.#places.usedBy(keyId) < this.#mostBesideOthers || !this.#callers.hasOther(keyId);
    return hasShare && this.#places.hasRoom(keyId);
  }

  #wait(keyId: string, deadline: number): Promise<() => void> {
    if (!this.#waiting.hasRoom(keyId)) {
      const { running, waiting } = this.load;
      return Promise.reject(overloaded(`${running} calls are running and ${waiting} wait, as many as may`));
    }
    return new Promise((resolve, reject) => {
      const leftMs = Math.max(0, deadline - performance.now());
      const queue = this.#queues.get(keyId) ?? new Set();
      const leaveWaiting = this.#waiting.use(keyId);
      const waitMs = Math.min(this.#queueTimeoutMs, leftMs);
      const giveUp = (): void => {
        leaveQueue();
        const tooLong = `the call waited ${this.#queueTimeoutMs} ms for its turn`;
        reject(leftMs < this.#queueTimeoutMs ? notStarted() : overloaded(tooLong));
      };
      const timer = waitMs === Infinity ? undefined : setTimeout(giveUp, waitMs);
      const leaveQueue = (): void => {
        leaveWaiting();
        queue.delete(start);
        if (queue.size === 0) this.#queues.delete(keyId);
      };
      const start = (): void => {
        clearTimeout(timer);
        leaveQueue();
        // In the next round of the event loop: a row of calls that are each refused soon would otherwise run without
        // the process reading from any other client meanwhile.
        setImmediate(resolve, this.#places.use(keyId));
      };
      queue.add(start);
      this.#queues.set(keyId, queue);
    });
  }

  /** Starts the oldest call of the first key in turn for as long as places are free; a key that started one goes last. */
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
    if (this.#places.used === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #nextKey(): [string, Set<() => void>] | undefined {
    for (const waiting of this.#queues) if (this.#hasPlace(waiting[0])) return waiting;
    return undefined;
  }
}
