import type { Part } from '../database/statement.ts';
import type { BatchResult } from '../results.ts';

/**
 * Makes, from the result of a batch, what is written in the same statement as the batch: both are written, or neither is. A
 * batch that is decided anew has another result, and the last one is written. `durationMs` of that result ends before the
 * writing.
 *
 * After a connection broke, the engine may send the batch again although it was written. Therefore the part must not write
 * its row a second time, for example because of `WHERE status IS NULL`: the second sending then fails, and writes nothing.
 */
export type Write = (result: BatchResult<unknown>) => WritePart;

/**
 * Writes one row or more, and returns a row for each (`RETURNING 1`). If it writes none, the batch is superseded: the whole
 * statement fails.
 */
export interface WritePart extends Part {
  /** Unique for its text. */
  readonly name: string;
}
