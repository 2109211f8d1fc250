import type { Books } from '../books/books.ts';
import type { Note, OperationId } from '../books/rows.ts';
import type { Rejection } from '../books/rejection.ts';
import type { RowKeys } from './rowKeys.ts';

/** A command that was read and checked. */
export interface Command<Data = unknown> {
  /** Its type, such as `lockFunds`. */
  readonly type: string;
  /** The caller's id of it, which it uses up for its user and its kind of thing; a trade's for both its users, the buyer first. */
  readonly operationIds: readonly [OperationId, ...OperationId[]];
  /** All that was asked, as text: tells a replay from a reused id. */
  readonly content: string;
  /** The caller's reason and metadata. */
  readonly note?: Note | undefined;
  /** Names the rows that the rule will look at. */
  touch(keys: RowKeys): void;
  /** The rule: changes the books and returns the item's data, or throws a {@link Rejection} and changes nothing. */
  apply(books: Books): Data;
  /** Writes the rows that stay behind although the rule refused; most commands leave none. */
  reject?(books: Books, rejection: Rejection): void;
}
