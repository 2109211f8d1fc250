import { Rejection } from '../books/rejection.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/store.ts';
import type { Command } from '../commands/command.ts';
import { RowKeys } from '../commands/rowKeys.ts';
import type { Session } from '../database/database.ts';
import { summarize, type BatchMode, type BatchResult } from '../results.ts';
import type { Decision, Item } from './decide.ts';
import type { Effort } from './effort.ts';
import { missesCatalog, type ReadBatch } from './read.ts';
import type { Write, WritePart } from './write.ts';

/** A batch that is running. */
export interface Batch extends Prepared {
  readonly batchId: string;
  /** The sender that the caller named; `null` if it named none. */
  readonly actor: string | null;
  readonly mode: BatchMode;
  /** When the batch began, by `performance.now()`. */
  readonly began: number;
  readonly effort: Effort;
  readonly markets: readonly string[] | undefined;
  readonly writeWith: readonly Write[];
  /** The hash of the content of each command. */
  readonly hashes: Map<Command, string>;
  /** Whether the catalog was read again for this batch. A row whose currency or market is still unknown is then broken. */
  readonly hasFreshCatalog: boolean;
  /** Set once an insert of the batch failed because the row exists already. */
  seeksOrphans: boolean;
}

/** The items of a batch as commands, and the rows that the commands touch. */
interface Prepared {
  readonly items: readonly Item[];
  readonly keys: RowKeys;
  readonly catalog: Catalog;
}

/** The decision on a batch, with the extra parts that are written in the same statement. */
export interface Decided extends Decision {
  readonly writeWith: readonly WritePart[];
}

/**
 * Makes commands of the items. If an item names a currency or market that the cached catalog lacks, the catalog is refreshed.
 */
export async function prepare(read: ReadBatch, store: CatalogStore, session?: Session): Promise<Prepared> {
  let catalog = await store.get(session);
  let items = read(catalog);
  const newer = missesCatalog(items) ? await store.refreshed(session) : undefined;
  if (newer !== undefined) {
    catalog = newer;
    items = read(catalog);
  }
  return { items, keys: keysOf(items), catalog };
}

function keysOf(items: readonly Item[]): RowKeys {
  const keys = new RowKeys();
  for (const { command } of items) {
    if (command instanceof Rejection) continue;
    for (const id of command.operationIds) keys.operations.add(id);
    command.touch(keys);
  }
  return keys;
}

/** Whether the batch needs no statement: every item was rejected when it was read, and no extra part is to be written. */
export const needsNoBooks = ({ keys, writeWith }: Batch): boolean =>
  keys.operations.size === 0 && writeWith.length === 0;

/** The result of a batch from its decision. `durationMs` ends now. */
export function resultOf({ batchId, mode, began }: Batch, { results }: Decision): BatchResult<unknown> {
  return summarize(batchId, mode, results, performance.now() - began);
}
