import type { Part } from '../database/statement.ts';
import type { BatchResult } from '../results.ts';

/**
 * Makes a part from the result of a batch, to be written in the same statement as the batch: both are written, or neither is.
 * A batch that is decided again has another result, and the part is made again. `durationMs` of the result ends before the
 * statement is sent.
 *
 * After a connection broke, the engine may send the batch again although it was committed. The part must therefore not write
 * its row a second time, for example by `WHERE status IS NULL`: the second statement then fails and writes nothing.
 */
export type Write = (result: BatchResult<unknown>) => WritePart;

/**
 * A part that writes at least one row and returns a row for each (`RETURNING 1`). If it writes none, the batch is superseded:
 * the whole statement fails.
 */
export interface WritePart extends Part {
  /** Parts with different texts have different names. */
  readonly name: string;
}
