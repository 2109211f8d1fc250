import { hash } from 'node:crypto';
import { Books, type LoadedBooks } from '../books/books.ts';
import { TOUCHED } from '../books/broken.ts';
import { Rejection } from '../books/rejection.ts';
import type { Operation } from '../books/rows.ts';
import type { Command } from '../commands/command.ts';
import { RowKeys } from '../commands/rowKeys.ts';
import { describe } from '../describe.ts';
import type { Moment } from '../database/sql/moment.ts';
import type { BatchMode, ItemResult } from '../results.ts';

/** An item of a batch after it was read: a command, or the reason why it was rejected. */
export interface Item {
  readonly id: string | null;
  readonly group: string | null;
  readonly command: Command | Rejection;
}

export interface Decision {
  readonly books: Books;
  /** One for each item, in the order of the items. */
  readonly results: ItemResult<unknown>[];
}

/**
 * Decides a batch: applies each item to the books and makes its result. Pure: the same books, items and time give
 * the same decision, and nothing outside the decision changes.
 *
 * Items take effect in the order given. A group takes effect as a whole at the place of its first item; an atomic
 * batch is one group. The first item takes effect at `now`, each later one a microsecond after the one before it.
 *
 * @param markets the only markets whose orders the items may touch. Default: all
 */
export function decide(
  loaded: LoadedBooks,
  items: readonly Item[],
  mode: BatchMode,
  batchId: string,
  now: Moment,
  hashOf: (command: Command) => string = itemHash,
  markets?: readonly string[],
): Decision {
  const context: BatchContext = { batchId, hashOf, markets };
  const books = new Books(loaded, now);
  const results: ItemResult<unknown>[] = new Array<ItemResult<unknown>>(items.length);
  let stopped = false;
  for (const unit of unitsOf(items, mode)) {
    if (stopped) {
      for (const index of unit) results[index] = { index, id: items[index]?.id ?? null, status: 'skipped' };
      continue;
    }
    const decided = decideUnit(books, items, unit, context);
    books.moment += unit.length;
    for (const result of decided) results[result.index] = result;
    stopped = mode === 'stop_on_error' && decided.some(({ status }) => status === 'rejected');
  }
  return { books, results };
}

/** The indexes of the items in the order in which they take effect, each alone or together with its group. */
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

/** The inputs that are the same for all items of a batch. */
interface BatchContext {
  readonly batchId: string;
  readonly hashOf: (command: Command) => string;
  readonly markets: readonly string[] | undefined;
}

function decideUnit(
  books: Books,
  items: readonly Item[],
  unit: readonly number[],
  context: BatchContext,
): ItemResult<unknown>[] {
  const isGroup = unit.length > 1;
  const layer = isGroup ? books.fork() : books;
  const results: ItemResult<unknown>[] = [];
  for (const index of unit) {
    const item = items[index];
    if (item === undefined) throw new RangeError(`There is no item ${index}`);
    const result = decideItem(layer, item, index, context);
    if (isGroup) layer.moment++;
    if (isGroup && result.status === 'rejected') return failGroup(books, items, unit, result, context);
    results.push(result);
  }
  if (isGroup) books.merge(layer);
  return results;
}

/**
 * The item at fault carries its own error; the others name that item. Items that an earlier batch had applied stay applied,
 * and their result is `replayed`.
 */
function failGroup(
  books: Books,
  items: readonly Item[],
  unit: readonly number[],
  fault: ItemResult<unknown>,
  { hashOf }: BatchContext,
): ItemResult<unknown>[] {
  const at = fault.id === null ? `item ${fault.index}` : `${fault.id} (item ${fault.index})`;
  const rejection = new Rejection('group_failed', `was not done, since ${at} of the same group failed`);
  return unit.map((index) => {
    if (index === fault.index) return fault;
    const { id, command } = items[index] ?? { id: null, command: rejection };
    const before = command instanceof Rejection ? undefined : appliedBefore(books, command, hashOf(command));
    return before === undefined || before instanceof Rejection
      ? { index, id, status: 'rejected', error: rejection.toItemError(index, id) }
      : { index, id, status: 'replayed', data: before.data };
  });
}

function decideItem(
  books: Books,
  { id, command }: Item,
  index: number,
  { batchId, hashOf, markets }: BatchContext,
): ItemResult<unknown> {
  if (command instanceof Rejection)
    return { index, id, status: 'rejected', error: command.toItemError(index, id) };
  try {
    if (markets !== undefined) refuseOtherMarkets(books, command, markets);
    const contentHash = hashOf(command);
    const before = appliedBefore(books, command, contentHash);
    if (before instanceof Rejection) throw before;
    if (before !== undefined) return { index, id, status: 'replayed', data: before.data };
    refuseBroken(books, command);
    const { type, operationIds, note } = command;
    books.note = note;
    const data = command.apply(books);
    const outcome = JSON.stringify(data);
    for (const { key, userId, kind, id } of operationIds) {
      // Field by field: a spread of the id took half as long again as all the rest of a decision.
      books.operations.set(key, { key, userId, kind, id, type, contentHash, outcome, batchId, note });
    }
    return { index, id, status: 'applied', data };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    command.reject?.(books, error);
    return { index, id, status: 'rejected', error: error.toItemError(index, id) };
  }
}

/** The data of the command's first result if it was applied before, or the rejection if another item used its id. */
function appliedBefore(
  books: Books,
  command: Command,
  hash: string,
): { readonly data: unknown } | Rejection | undefined {
  let before: Operation | undefined;
  for (const { key, userId, id } of command.operationIds) {
    const operation = books.operations.get(key);
    if (operation === undefined) continue;
    if (operation.contentHash !== hash) {
      return new Rejection(
        'id_reused',
        `${userId} used the id ${id} before for a ${operation.type} with other content; give this ${command.type} an id of its own`,
      );
    }
    before ??= operation;
  }
  return before && outcomeOf(before);
}

function outcomeOf({ userId, id, outcome }: Operation): { readonly data: unknown } | Rejection {
  try {
    return { data: JSON.parse(outcome) as unknown };
  } catch {
    return new Rejection(
      'broken_row',
      `operation ${userId} ${id} is broken: its outcome is no JSON${NOT_OURS}`,
    );
  }
}

/**
 * Refuses a command that touches an order of another market. A command that names an order by its id shows the market only
 * here.
 */
function refuseOtherMarkets(books: Books, command: Command, markets: readonly string[]): void {
  const keys = new RowKeys();
  command.touch(keys);
  for (const { key, id } of keys.orders.inOrder()) {
    const symbol = books.orders.get(key)?.market.symbol;
    if (symbol === undefined || markets.includes(symbol)) continue;
    const bound = `Order ${id} is of ${symbol}, and its sender may touch only orders of ${describe(markets.join(', '))}`;
    throw new Rejection('market_forbidden', bound);
  }
}

/** Refuses a command that touches a broken row, before anything is changed. */
function refuseBroken({ broken }: Books, command: Command): void {
  if (broken === undefined || broken.size === 0) return;
  const keys = new RowKeys();
  command.touch(keys);
  for (const touched of TOUCHED) {
    for (const { key } of keys[touched].inOrder()) {
      const reason = broken.reason(touched, key);
      if (reason !== undefined) throw new Rejection('broken_row', reason + NOT_OURS);
    }
  }
}

const NOT_OURS = '; foreign SQL changed it, and has to correct it';

/** 132 bits of SHA-256 over the content of the command: enough that no two contents share a hash. */
export function itemHash({ content }: Command): string {
  return hash('sha256', content, 'base64url').slice(0, 22);
}
