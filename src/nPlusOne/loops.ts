import { limits } from '../limits.ts';
import { batchCallFor } from './batchCall.ts';
import { keyOf, type LoopedCalls, type SingleCall } from './context.ts';

/** Single calls of one shape from one place of the code that should be one batch. */
export interface Loop {
  /** The operation of Pincex, such as `batch_get_accounts`, or the SQL of a watched pool with `?` for each value. */
  readonly shape: string;
  /** `file:line` of the caller's code; `null` if the stack shows none. */
  readonly callSite: string | null;
  /** The callers of that place, the nearest first, as far as the stack shows them. */
  readonly callers: readonly string[];
  /** How often the loop ran. */
  readonly runs: number;
  /** Calls of all runs. */
  readonly calls: number;
  /** Milliseconds that the calls took. Calls that ran at the same time count in full. */
  readonly durationMs: number;
  /** The batch call to use instead. */
  readonly instead: string;
}

/** Adds up the loops of all contexts, for a bounded number of loops. */
export class Loops {
  readonly #loops = new Map<string, Loop>();

  /** Adds calls of a loop. Returns the loop if it is the first time that it is found, otherwise `null`. */
  add(call: SingleCall, { calls, durationMs, isNew }: LoopedCalls): Loop | null {
    const key = keyOf(call);
    const before = this.#loops.get(key);
    if (before === undefined && this.#loops.size >= limits.nPlusOne.loops) return null;
    const { shape, stack } = call;
    const [callSite = null, ...callers] = stack;
    const loop = {
      shape,
      callSite,
      callers,
      runs: (before?.runs ?? 0) + (isNew ? 1 : 0),
      calls: (before?.calls ?? 0) + calls,
      durationMs: (before?.durationMs ?? 0) + durationMs,
      instead: before?.instead ?? batchCallFor(shape),
    };
    this.#loops.set(key, loop);
    return before === undefined ? loop : null;
  }

  /** The loops, the one that took the longest first. */
  list(): Loop[] {
    return [...this.#loops.values()].toSorted((a, b) => b.durationMs - a.durationMs);
  }
}

/** A loop as a sentence. */
export function sentenceOf({ shape, callSite, calls, durationMs, instead }: Loop): string {
  const place = callSite === null ? 'at an unknown place' : `at ${callSite}`;
  return `${shape} was called ${calls} times for one item each ${place}, which took ${durationMs.toFixed(1)} ms. Instead, ${instead}`;
}
