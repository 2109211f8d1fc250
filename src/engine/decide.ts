import { hash } from 'node:crypto';
import { Books, type LoadedBooks } from '../books/books.ts';
import { TOUCHED } from '../books/broken.ts';
import { Rejection } from '../books/rejection.ts';
import type { Operation } from '../books/rows.ts';
import type { Command } from '../commands/command.ts';
import { Keys } from '../commands/keys.ts';
import { describe } from '../describe.ts';
import type { Moment } from '../database/moment.ts';
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
 * batch is one group. Each takes effect a microsecond after the one before it, the first one now.
 *
 * @param markets the only ones whose orders the items may touch; absent: every one
 */
export function decide(
  loaded: LoadedBooks,
  items: readonly Item[],
  mode: BatchMode,
  batchId: string,
  now: Moment,
  hashOf: (command: Command) => string = contentHash,
  markets?: readonly string[],
): Decision {
  const ways: Ways = { batchId, hashOf, markets };
  const books = new Books(loaded, now);
  const results: ItemResult<unknown>[] = new Array<ItemResult<unknown>>(items.length);
  let stopped = false;
  for (const unit of unitsOf(items, mode)) {
    if (stopped) {
      for (const index of unit) results[index] = { index, id: items[index]?.id ?? null, status: 'skipped' };
      continue;
    }
    const decided = decideUnit(books, items, unit, ways);
    books.moment += unit.length;
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

/** What is the same for all items of a batch. */
interface Ways {
  readonly batchId: string;
  readonly hashOf: (command: Command) => string;
  readonly markets: readonly string[] | undefined;
}

function decideUnit(
  books: Books,
  items: readonly Item[],
  unit: readonly number[],
  ways: Ways,
): ItemResult<unknown>[] {
  const isGroup = unit.length > 1;
  const layer = isGroup ? books.fork() : books;
  const results: ItemResult<unknown>[] = [];
  for (const index of unit) {
    const item = items[index];
    if (item === undefined) throw new RangeError(`There is no item ${index}`);
    const result = decideItem(layer, item, index, ways);
    if (isGroup) layer.moment++;
    if (isGroup && result.status === 'rejected') return failGroup(books, items, unit, result, ways);
    results.push(result);
  }
  if (isGroup) books.merge(layer);
  return results;
}

/**
 * The item at fault carries its own error; the others say which one it was. What had been applied before this batch
 * stays applied, and is told so.
 */
function failGroup(
  books: Books,
  items: readonly Item[],
  unit: readonly number[],
  fault: ItemResult<unknown>,
  { hashOf }: Ways,
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
  { batchId, hashOf, markets }: Ways,
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
    const { type, claims, note } = command;
    books.note = note;
    const data = command.apply(books);
    const outcome = JSON.stringify(data);
    for (const { key, userId, kind, id } of claims) {
      // Field by field: a spread of the claim took half as long again as all the rest of a decision.
      books.operations.set(key, { key, userId, kind, id, type, contentHash, outcome, batchId, note });
    }
    return { index, id, status: 'applied', data };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    command.reject?.(books, error);
    return { index, id, status: 'rejected', error: error.toItemError(index, id) };
  }
}

/** What the command told when it was applied before, or the rejection if another used its id. */
function appliedBefore(
  books: Books,
  command: Command,
  hash: string,
): { readonly data: unknown } | Rejection | undefined {
  let before: Operation | undefined;
  for (const { key, userId, id } of command.claims) {
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

/** Refuses what would touch an order of another market: what names an order by its id shows its market only here. */
function refuseOtherMarkets(books: Books, command: Command, markets: readonly string[]): void {
  const keys = new Keys();
  command.touch(keys);
  for (const { key, id } of keys.orders.inOrder()) {
    const symbol = books.orders.get(key)?.market.symbol;
    if (symbol === undefined || markets.includes(symbol)) continue;
    const bound = `Order ${id} is of ${symbol}, and who sent this may touch only those of ${describe(markets.join(', '))}`;
    throw new Rejection('market_forbidden', bound);
  }
}

/** Refuses what would work on a row that no rule can work on, before anything is changed. */
function refuseBroken({ broken }: Books, command: Command): void {
  if (broken === undefined || broken.size === 0) return;
  const keys = new Keys();
  command.touch(keys);
  for (const touched of TOUCHED) {
    for (const { key } of keys[touched].inOrder()) {
      const reason = broken.reason(touched, key);
      if (reason !== undefined) throw new Rejection('broken_row', reason + NOT_OURS);
    }
  }
}

const NOT_OURS = '; SQL other than ours changed it, and has to mend it';

/** 128 bits of SHA-256 over all that was asked: two contents that share them will not be met. */
export function contentHash({ content }: Command): string {
  return hash('sha256', content, 'base64url').slice(0, 22);
}
