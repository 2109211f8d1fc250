import type { BatchType, BatchTypes } from '../commands/index.ts';
import type { Engine } from '../engine/engine.ts';
import { readBatchOptions, type BatchOptions, type BatchSettings } from '../engine/options.ts';
import type { CallerTransaction } from '../engine/attempts/callerTransaction.ts';
import type { BatchResult, ItemResult } from '../results.ts';

/** Runs a batch as the public methods do: with typed items, and with no other options than callers may set. */
export type Executor = <Type extends BatchType>(
  type: Type,
  items: readonly BatchTypes[Type]['item'][],
  options?: BatchOptions,
) => Promise<BatchResult<BatchTypes[Type]['data']>>;

/** Runs a batch as the HTTP service does: with unchecked items, and with any setting of the engine. */
export type RunBatch = (
  type: BatchType,
  items: readonly unknown[],
  settings?: BatchSettings,
) => Promise<BatchResult<unknown>>;

/**
 * Runs batches through the engine.
 *
 * @param call runs each call, so that closing or the end of the transaction can wait for it
 * @param transaction the caller's. Default: one for each batch
 */
export function executorOf(
  engine: Engine,
  call: <Result>(work: () => Promise<Result>) => Promise<Result>,
  transaction?: CallerTransaction,
): Executor {
  return (type, items, options) =>
    call(() => engine.run(type, items, readBatchOptions(options), transaction));
}

/** Runs a batch of one item and returns its result. */
export async function executeOne<Type extends BatchType>(
  execute: Executor,
  type: Type,
  item: BatchTypes[Type]['item'],
  options?: BatchOptions,
): Promise<ItemResult<BatchTypes[Type]['data']>> {
  const { results } = await execute(type, [item], options);
  const [result] = results;
  if (result === undefined) throw new RangeError('A batch of one has no result');
  return result;
}
