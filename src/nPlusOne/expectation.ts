import { AsyncLocalStorage } from 'node:async_hooks';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { Context } from './context.ts';
import { Loops, sentenceOf } from './loops.ts';
import { thresholdOf, type NPlusOneOptions } from './options.ts';
import { findLoops } from './singleCalls.ts';

/**
 * Runs `work` and returns its result, unless it called Pincex or a watched pool in a loop: for tests, with any test runner. Give
 * the test at least as many rows as `threshold`; with fewer there is no loop to find.
 *
 * @throws PincexError `n_plus_one`: the message lists each loop with its count, place and time, and the batch call to use instead;
 * `invalid_argument`; and any error of `work`
 *
 * @example
 * ```ts
 * const users = ['alice', 'bob', 'carol', 'dave', 'erin'];
 * await expectNoNPlusOne(() => bookkeeper.batchGetAccounts(users, ['USD']));
 * ```
 */
export async function expectNoNPlusOne<Result>(
  work: () => Result,
  options?: NPlusOneOptions,
): Promise<Awaited<Result>> {
  const threshold = thresholdOf('expectNoNPlusOne', options);
  if (typeof work !== 'function') {
    const message = `work must be a function: got ${describe(work)}`;
    throw new PincexError('invalid_argument', message);
  }
  const contexts = new AsyncLocalStorage<Context>();
  const loops = new Loops();
  const stop = findLoops(
    () => contexts.getStore(),
    (call, looped) => loops.add(call, looped),
  );
  let result: Awaited<Result>;
  try {
    result = await contexts.run(new Context(threshold, Infinity), work);
  } finally {
    stop();
    contexts.disable();
  }
  const found = loops.list();
  if (found.length === 0) return result;
  const lines = found.map((loop) => `- ${sentenceOf(loop)}`);
  throw new PincexError('n_plus_one', `Loops that should be batches:\n${lines.join('\n')}`);
}
