import type { CommandType, DataOf, ItemOf } from '../commands/index.ts';
import type { BatchOptions } from '../engine/engine.ts';
import type { BatchResult, ItemResult } from '../results.ts';

/** Runs a batch of one type through the engine, in a transaction of its own or in the caller's. */
export type Executor = <Type extends CommandType>(
  type: Type,
  items: readonly ItemOf<Type>[],
  options?: BatchOptions,
) => Promise<BatchResult<DataOf<Type>>>;

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
