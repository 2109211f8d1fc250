import { hash } from 'node:crypto';
import { Books, type LoadedBooks } from '../books/books.ts';
import { Rejection } from '../books/rejection.ts';
import type { Command } from '../commands/command.ts';
import type { BatchMode, ItemResult } from '../results.ts';

/** An item of a batch once it is read: a command, or the reason why it is none. */
export interface Item {
  readonly id: string | null;
  readonly group: string | null;
  readonly command: Command | Rejection;
}

export interface Decision {
  readonly books: Books;
  /** Dense, in the order of the items. */
  readonly results: ItemResult<unknown>[];
}

/**
 * Decides a batch: what each item does to the books, and its result. Pure: the same books, items and time give
 * the same decision, and nothing outside the decision changes.
 *
 * Items take effect in the order given. A group takes effect as a whole where its first item stands; an atomic
 * batch is one group.
 */
export function decide(
  loaded: LoadedBooks,
  items: readonly Item[],
  mode: BatchMode,
  batchId: string,
  now: string,
  hashOf: (command: Command) => string = contentHash,
): Decision {
  const books = new Books(loaded, now);
  const results: ItemResult<unknown>[] = new Array<ItemResult<unknown>>(items.length);
  let stopped = false;
  for (const unit of unitsOf(items, mode)) {
    if (stopped) {
      for (const index of unit) results[index] = { index, id: items[index]?.id ?? null, status: 'skipped' };
      continue;
    }
    const decided = decideUnit(books, items, unit, batchId, hashOf);
    for (const result of decided) results[result.index] = result;
    stopped = mode === 'stop_on_error' && decided.some(({ status }) => status === 'rejected');
  }
  return { books, results };
}

/** The items' places, in the order in which they take effect: alone, or as the group they belong to. */
function unitsOf(items: readonly Item[], mode: BatchMode): number[][] {
  if (mode === 'atomic') return [[...items.keys()]];
  const units: number[][] = [];
  const groups = new Map<string, number[]>();
  for (const [index, { group }] of items.entries()) {
    const members = group === null ? undefined : groups.get(group);
    if (members !== undefined) members.push(index);
    else {
      const unit = [index];
      units.push(unit);
      if (group !== null) groups.set(group, unit);
    }
  }
  return units;
}

function decideUnit(
  books: Books,
  items: readonly Item[],
  unit: readonly number[],
  batchId: string,
  hashOf: (command: Command) => string,
): ItemResult<unknown>[] {
  const isGroup = unit.length > 1;
  const layer = isGroup ? books.fork() : books;
  const results: ItemResult<unknown>[] = [];
  for (const index of unit) {
    const item = items[index];
    if (item === undefined) throw new RangeError(`There is no item ${index}`);
    const result = decideItem(layer, item, index, batchId, hashOf);
    if (isGroup && result.status === 'rejected') return failGroup(items, unit, result);
    results.push(result);
  }
  if (isGroup) books.merge(layer);
  return results;
}

/** The item at fault carries its own error; the others say which one it was. */
function failGroup(
  items: readonly Item[],
  unit: readonly number[],
  fault: ItemResult<unknown>,
): ItemResult<unknown>[] {
  const at = fault.id === null ? `item ${fault.index}` : `${fault.id} (item ${fault.index})`;
  const rejection = new Rejection('group_failed', `nothing was done, since ${at} of the same group failed`);
  return unit.map((index) => {
    if (index === fault.index) return fault;
    const id = items[index]?.id ?? null;
    return { index, id, status: 'rejected', error: rejection.toItemError(index, id) };
  });
}

function decideItem(
  books: Books,
  { id, command }: Item,
  index: number,
  batchId: string,
  hashOf: (command: Command) => string,
): ItemResult<unknown> {
  if (command instanceof Rejection)
    return { index, id, status: 'rejected', error: command.toItemError(index, id) };
  try {
    const hash = hashOf(command);
    const { key, userId } = command.operation;
    const before = books.operations.get(key);
    if (before !== undefined) {
      if (before.contentHash !== hash) throw reused(command, before.type);
      return { index, id, status: 'replayed', data: JSON.parse(before.outcome) as unknown };
    }
    const data = command.apply(books);
    const outcome = JSON.stringify(data);
    const { type, operation } = command;
    books.operations.set(key, { key, userId, id: operation.id, type, contentHash: hash, outcome, batchId });
    return { index, id, status: 'applied', data };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    command.reject?.(books, error);
    return { index, id, status: 'rejected', error: error.toItemError(index, id) };
  }
}

function reused({ type, operation: { userId, id } }: Command, before: string): Rejection {
  return new Rejection(
    'id_reused',
    `${userId} used the id ${id} before for a ${before} with other content; give this ${type} an id of its own`,
  );
}

/** 128 bits of SHA-256 over all that was asked: two contents that share them will not be met. */
export function contentHash({ content }: Command): string {
  return hash('sha256', content, 'base64url').slice(0, 22);
}
