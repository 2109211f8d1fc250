import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Diagnostics, EVERY_INSTANCE } from '../diagnostics.ts';
import { limits } from '../limits.ts';
import { Context } from './context.ts';
import { Loops, sentenceOf, type Loop } from './loops.ts';
import { thresholdOf, type NPlusOneOptions } from './options.ts';
import { findLoops } from './singleCalls.ts';
import { raiseWarning } from '../warnings.ts';

/** Published by Node.js before the listener of an HTTP server gets a request. */
const HTTP_REQUEST = 'http.server.request.start';

/** Looks for loops until it is stopped. */
export interface NPlusOneDetector {
  /** The loops found so far, the one that took the longest first; at most 1,000. */
  readonly loops: readonly Loop[];
  /**
   * Runs `work` as a context of its own: its calls are counted apart from all others. For work that the detector cannot tell
   * apart by itself, such as the messages of a queue.
   */
  run<Result>(work: () => Result): Result;
  /** Ends the search. */
  stop(): void;
}

/**
 * Looks for loops of single calls that should be batches: those of every Pincex in this process, and those of pools watched by
 * `watchPool`. Each HTTP request is a context of its own, and so is what `run` runs; everything else is one context, in which a
 * second without a call ends a loop. A loop becomes one process warning (`PINCEX_N_PLUS_ONE`) for each place and shape, and each
 * run of it counts in `pincex.statistics`.
 *
 * For development: it takes a stack trace of every call.
 *
 * @throws PincexError `invalid_argument`
 *
 * @example
 * ```ts
 * const detector = detectNPlusOne();
 * // … later
 * for (const { shape, callSite, calls, durationMs } of detector.loops) console.log(shape, callSite, calls, durationMs);
 * ```
 */
export function detectNPlusOne(options?: NPlusOneOptions): NPlusOneDetector {
  const threshold = thresholdOf('detectNPlusOne', options);
  const newContext = (): Context => new Context(threshold, limits.nPlusOne.pauseMs);
  const ofProcess = newContext();
  const contexts = new AsyncLocalStorage<Context>();
  const loops = new Loops();
  const everyone = new Diagnostics(EVERY_INSTANCE);
  const stopFinding = findLoops(
    () => contexts.getStore() ?? ofProcess,
    (call, looped) => {
      const found = loops.add(call, looped);
      if (found !== null) warn(found);
      if (looped.isNew) everyone.tell('loop', () => ({ shape: call.shape, callSite: call.stack[0] ?? null }));
    },
  );
  const onRequest = (): void => {
    contexts.enterWith(newContext());
  };
  subscribe(HTTP_REQUEST, onRequest);
  return {
    get loops() {
      return loops.list();
    },
    run: (work) => contexts.run(newContext(), work),
    stop() {
      unsubscribe(HTTP_REQUEST, onRequest);
      stopFinding();
      contexts.disable();
    },
  };
}

function warn(loop: Loop): void {
  const { callSite, callers } = loop;
  const stack = [callSite, ...callers].filter((frame) => frame !== null);
  const detail = stack.map((frame) => `    at ${frame}`).join('\n');
  raiseWarning('PINCEX_N_PLUS_ONE', `${sentenceOf(loop)}. See docs/migration.md of Pincex`, detail);
}
