import type { Books } from '../books/books.ts';
import type { Note, OperationId } from '../books/rows.ts';
import type { Rejection } from '../books/rejection.ts';
import type { Keys } from './keys.ts';

/** What every command, once it is read and checked, can say and do. */
export interface Command<Data = unknown> {
  /** What is asked, such as `lockFunds`. */
  readonly type: string;
  /** The caller's id of it, which it uses up for its user and its kind of thing; a trade's for both its users, the buyer first. */
  readonly claims: readonly [OperationId, ...OperationId[]];
  /** All that was asked, as text: tells a replay from a reused id. */
  readonly content: string;
  /** What the caller says of it. */
  readonly note?: Note | undefined;
  /** Names the rows that the rule will look at. */
  touch(keys: Keys): void;
  /** The rule: changes the books and returns the item's data, or throws a {@link Rejection} and changes nothing. */
  apply(books: Books): Data;
  /** What stays behind although the rule refused; most commands leave nothing. */
  reject?(books: Books, rejection: Rejection): void;
}
