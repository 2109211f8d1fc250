import type { SlidingWindow } from './figures.ts';
import { Tally, type EndedOperation } from './tally.ts';

/** Windows over which operations are summed up. `start`: since the monitor started or was reset. */
export type Window = SlidingWindow | 'start';

const SLIDING: readonly SlidingWindow[] = ['minute', 'fiveMinutes', 'hour'];

export const WINDOWS: readonly Window[] = ['start', ...SLIDING];

/** A window is made of slots; the oldest slot leaves it as a whole. */
const SLOTS: Readonly<Record<SlidingWindow, { readonly ms: number; readonly count: number }>> = {
  minute: { ms: 10_000, count: 6 },
  fiveMinutes: { ms: 60_000, count: 5 },
  hour: { ms: 300_000, count: 12 },
};

/** A tally of a window, and the milliseconds that the window covers. */
export interface WindowTally {
  readonly tally: Tally;
  readonly coveredMs: number;
}

/**
 * Tallies of one operation over sliding windows. An operation is recorded once, in the current slot of ten seconds; a slot
 * that ends is merged into the longer slots. All times are by the clock of `performance.now()`.
 */
export class SlidingTally {
  readonly #startedAt: number;
  readonly #total = new Tally(true);
  /** For each window the tallies of its slots, by the number of the slot since time 0. */
  readonly #slots: Readonly<Record<SlidingWindow, Map<number, Tally>>> = {
    minute: new Map(),
    fiveMinutes: new Map(),
    hour: new Map(),
  };
  #current = new Tally();
  #currentSlot: number;

  /** @param startedAt when counting began, for the rates since the start */
  constructor(startedAt: number, now: number) {
    this.#startedAt = startedAt;
    this.#currentSlot = slotAt('minute', now);
  }

  add(operation: EndedOperation, now: number): void {
    this.#turn(now);
    this.#current.add(operation);
  }

  /** Sums up a window that ends now. */
  over(window: Window, now: number): WindowTally {
    this.#turn(now);
    const tally = new Tally(true);
    tally.merge(this.#current);
    if (window === 'start') {
      tally.merge(this.#total);
      return { tally, coveredMs: now - this.#startedAt };
    }
    const oldest = slotAt(window, now) - SLOTS[window].count + 1;
    for (const [slot, ended] of this.#slots[window]) if (slot >= oldest) tally.merge(ended);
    return { tally, coveredMs: Math.min(now - oldest * SLOTS[window].ms, now - this.#startedAt) };
  }

  /** Ends the current slot if its time is over. */
  #turn(now: number): void {
    const slot = slotAt('minute', now);
    if (slot === this.#currentSlot) return;
    const ended = this.#current;
    const endedAt = this.#currentSlot * SLOTS.minute.ms;
    this.#current = new Tally();
    this.#currentSlot = slot;
    if (ended.operations > 0) this.#total.merge(ended);
    for (const window of SLIDING) {
      const slots = this.#slots[window];
      const oldest = slotAt(window, now) - SLOTS[window].count + 1;
      for (const old of slots.keys()) if (old < oldest) slots.delete(old);
      if (ended.operations > 0) merge(slots, slotAt(window, endedAt), ended);
    }
  }
}

function merge(slots: Map<number, Tally>, slot: number, ended: Tally): void {
  const tally = slots.get(slot) ?? new Tally();
  tally.merge(ended);
  slots.set(slot, tally);
}

const slotAt = (window: SlidingWindow, at: number): number => Math.floor(at / SLOTS[window].ms);
