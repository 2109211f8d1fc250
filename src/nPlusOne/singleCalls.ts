import { AsyncLocalStorage } from 'node:async_hooks';
import { EVERY_INSTANCE, listen, storeDuringCalls, type OperationRun, type Stop } from '../diagnostics.ts';
import { stackOfCaller } from './callSite.ts';
import type { Context, LoopedCalls, SingleCall } from './context.ts';
import { listenToStatements } from './pool.ts';

/**
 * Finds the loops among the single calls of every Pincex and every watched pool, until the returned function is called.
 *
 * @param contextNow the context of the code that runs now; `undefined` if its calls are not looked at
 * @param onLoop receives the calls of loops
 */
export function findLoops(
  contextNow: () => Context | undefined,
  onLoop: (call: SingleCall, looped: LoopedCalls) => void,
): Stop {
  const stacks = new AsyncLocalStorage<readonly string[]>();
  const count = (context: Context, call: SingleCall): void => {
    const looped = context.add(call);
    if (looped !== null) onLoop(call, looped);
  };
  const stops = [
    storeDuringCalls(stacks, () => (contextNow() === undefined ? [] : stackOfCaller())),
    listen(EVERY_INSTANCE, {
      operation: (run) => {
        const context = contextNow();
        if (context === undefined || !isSingle(run)) return;
        const { operation: shape, durationMs } = run;
        const began = performance.now() - durationMs;
        count(context, { shape, stack: stacks.getStore() ?? [], began, durationMs });
      },
    }),
    listenToStatements(() => {
      const context = contextNow();
      if (context === undefined) return undefined;
      const stack = stackOfCaller();
      return (ended) => {
        count(context, { ...ended, stack });
      };
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    stacks.disable();
  };
}

/** Whether a call for one item or key could have been a batch of several. Streams and the sweeper have no single items. */
const isSingle = ({ operation, items }: OperationRun): boolean =>
  items === 1 && (operation.startsWith('batch_') || operation === 'execute');
