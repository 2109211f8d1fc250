import { limits } from '../limits.ts';
import { WINDOWS, type Window } from './slidingTally.ts';
import type { Tally } from './tally.ts';

/** Within this time a histogram changes little, unless its operations have become more or fewer by {@link SHARE}. */
const FRESH_MS = 60_000;
const SHARE = 0.1;

/** After a `reset` of the monitor there may be other names. */
const MOST = WINDOWS.length * (limits.monitor.names + 1);

interface Encoded {
  readonly at: number;
  readonly operations: number;
  readonly sumMs: number;
  readonly durations: string;
}

/**
 * The histograms of durations in the reports of a process. To encode one takes 50 µs, so a report has some of the report before:
 * those that have not changed, and those of windows longer than a minute while they have changed little.
 */
export class EncodedDurations {
  readonly #encoded = new Map<string, Encoded>();

  of(operation: string, window: Window, tally: Tally): string {
    const key = `${window} ${operation}`;
    const now = performance.now();
    const before = this.#encoded.get(key);
    if (before !== undefined && isGood(before, window, tally, now)) return before.durations;
    if (before === undefined && this.#encoded.size >= MOST) this.#encoded.clear();
    const { operations, sumMs } = tally;
    const durations = tally.encodedDurations();
    this.#encoded.set(key, { at: now, operations, sumMs, durations });
    return durations;
  }
}

function isGood(before: Encoded, window: Window, { operations, sumMs }: Tally, now: number): boolean {
  if (operations === before.operations && sumMs === before.sumMs) return true;
  const isClose = Math.abs(operations - before.operations) <= SHARE * before.operations;
  return window !== 'minute' && isClose && now - before.at < FRESH_MS;
}
