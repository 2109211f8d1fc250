import type { CommandType, DataOf, ItemOf } from '../commands/index.ts';
import type { BatchOptions, Engine, Within } from '../engine/engine.ts';
import { readerOf } from '../engine/read.ts';
import type { BatchResult, ItemResult } from '../results.ts';

/** Runs a batch of one type through the engine, in a transaction of its own or in the caller's. */
export type Executor = <Type extends CommandType>(
  type: Type,
  items: readonly ItemOf<Type>[],
  options?: BatchOptions,
) => Promise<BatchResult<DataOf<Type>>>;

/**
 * Runs batches through the engine.
 *
 * @param run takes each call, so that closing or the end of the transaction can wait for it
 * @param within the caller's transaction. Default: one for each batch
 */
export function executorOf(
  engine: Engine,
  run: <Result>(call: () => Promise<Result>) => Promise<Result>,
  within?: Within,
): Executor {
  return <Type extends CommandType>(type: Type, items: readonly unknown[], options?: BatchOptions) => {
    const read = readerOf(type);
    return run(() => engine.execute<DataOf<Type>>(items, read, options, within));
  };
}

/** A batch of one, and its one result. */
export async function executeOne<Type extends CommandType>(
  execute: Executor,
  type: Type,
  item: ItemOf<Type>,
  options?: BatchOptions,
): Promise<ItemResult<DataOf<Type>>> {
  const { results } = await execute(type, [item], options);
  const [result] = results;
  if (result === undefined) throw new RangeError('A batch of one has no result');
  return result;
}
