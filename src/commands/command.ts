import type { Books } from '../books/books.ts';
import type { Note, OperationId } from '../books/rows.ts';
import type { Rejection } from '../books/rejection.ts';
import type { RowKeys } from './rowKeys.ts';

/** A command that was read and checked. */
export interface Command<Data = unknown> {
  /** Its type, such as `lockFunds`. */
  readonly type: string;
  /**
   * The ids that the command makes unusable for later commands of its user and kind. A trade has one for each user, the
   * buyer first.
   */
  readonly operationIds: readonly [OperationId, ...OperationId[]];
  /** All fields of the item, as text. It distinguishes a replay from a reused id. */
  readonly content: string;
  /** The caller's reason and metadata. */
  readonly note?: Note | undefined;
  /** Adds the keys of the rows that the rule reads or changes. */
  touch(keys: RowKeys): void;
  /** The rule: changes the books and returns the item's data, or throws a {@link Rejection} and changes nothing. */
  apply(books: Books): Data;
  /** Writes rows that remain although the rule refused. Most commands have none. */
  reject?(books: Books, rejection: Rejection): void;
}
