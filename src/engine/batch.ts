import { Rejection } from '../books/rejection.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/store.ts';
import type { Command } from '../commands/command.ts';
import { Keys } from '../commands/keys.ts';
import type { Session } from '../database/database.ts';
import { summarize, type BatchMode, type BatchResult } from '../results.ts';
import type { Decision, Item } from './decide.ts';
import { missesCatalog, type ReadBatch } from './read.ts';
import type { Write, WritePart } from './write.ts';

/** A batch while it runs. */
export interface Batch extends Prepared {
  readonly batchId: string;
  /** Who sent it, where that was said. */
  readonly actor: string | null;
  readonly mode: BatchMode;
  /** By `performance.now()`. */
  readonly began: number;
  readonly markets: readonly string[] | undefined;
  readonly writeWith: readonly Write[];
  /** Of the contents of its commands. */
  readonly hashes: Map<Command, string>;
  /** Whether the catalog was read for this batch alone: a row that it still does not explain is broken. */
  readonly isReread: boolean;
  /** Set once a row that the batch was to make was there already. */
  seeksOrphans: boolean;
}

/** The items of a batch as commands, and the rows that these will look at. */
interface Prepared {
  readonly items: readonly Item[];
  readonly keys: Keys;
  readonly catalog: Catalog;
}

/** The decision on a batch, with what is written in the same statement. */
export interface Decided extends Decision {
  readonly writeWith: readonly WritePart[];
}

/** Makes commands of the items, with a newer catalog where an item names what the known one does not have. */
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

function keysOf(items: readonly Item[]): Keys {
  const keys = new Keys();
  for (const { command } of items) {
    if (command instanceof Rejection) continue;
    for (const claim of command.claims) keys.operations.add(claim);
    command.touch(keys);
  }
  return keys;
}

/** Whether nothing in it can be looked for, and nothing is to be written. */
export const needsNoBooks = ({ keys, writeWith }: Batch): boolean =>
  keys.operations.size === 0 && writeWith.length === 0;

/** The result of a batch as far as it was decided. */
export function resultOf({ batchId, mode, began }: Batch, { results }: Decision): BatchResult<unknown> {
  return summarize(batchId, mode, results, performance.now() - began);
}
