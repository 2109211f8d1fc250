import { limits } from '../limits.ts';

/** A call for a single item or key that has ended. */
export interface SingleCall {
  /** The operation of Pincex, or the normalised SQL of a watched pool. */
  readonly shape: string;
  /** The frames of the caller's code as `file:line`, the innermost first. */
  readonly stack: readonly string[];
  /** When it began, by `performance.now()`. */
  readonly began: number;
  readonly durationMs: number;
}

/** Calls that have turned out to belong to a loop. */
export interface LoopedCalls {
  readonly calls: number;
  readonly durationMs: number;
  /** Whether they are the first ones of their loop. */
  readonly isNew: boolean;
}

/** Calls of one shape from one place. */
interface Group {
  readonly calls: number;
  readonly durationMs: number;
  readonly endedAt: number;
}

/** Identifies a loop by the place of its calls and their shape. */
export const keyOf = ({ stack, shape }: SingleCall): string => `${stack[0] ?? ''}\n${shape}`;

/** Finds the loops among the calls of one asynchronous context, such as a request. */
export class Context {
  readonly #groups = new Map<string, Group>();
  readonly #threshold: number;
  readonly #pauseMs: number;

  /**
   * @param threshold this many calls of one shape from one place are a loop
   * @param pauseMs a pause between two calls that is longer ends a loop
   */
  constructor(threshold: number, pauseMs: number) {
    this.#threshold = threshold;
    this.#pauseMs = pauseMs;
  }

  /** Counts a call. Returns the calls that now belong to a loop and did not before, or `null`. */
  add(call: SingleCall): LoopedCalls | null {
    const key = keyOf(call);
    const group = this.#groups.get(key);
    const isGoingOn = group !== undefined && call.began - group.endedAt <= this.#pauseMs;
    const before = isGoingOn ? group : { calls: 0, durationMs: 0, endedAt: 0 };
    const calls = before.calls + 1;
    const durationMs = before.durationMs + call.durationMs;
    const endedAt = Math.max(before.endedAt, call.began + call.durationMs);
    // The map is kept in the order of the latest calls.
    this.#groups.delete(key);
    this.#groups.set(key, { calls, durationMs, endedAt });
    if (this.#groups.size > limits.nPlusOne.groups) this.#forgetOldest();
    if (calls < this.#threshold) return null;
    if (calls === this.#threshold) return { calls, durationMs, isNew: true };
    return { calls: 1, durationMs: call.durationMs, isNew: false };
  }

  #forgetOldest(): void {
    for (const key of this.#groups.keys()) {
      this.#groups.delete(key);
      return;
    }
  }
}
