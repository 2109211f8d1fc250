import type { Session } from '../database/database.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import type { Calls } from '../services/calls.ts';
import type { CursorKey } from '../reads/cursor.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Source } from './sources.ts';

/** Reads a page, from a replica if one is configured. */
export type Read = <Result extends object>(work: (session: Session) => Promise<Result>) => Promise<Result>;

export interface StreamOptions {
  /** The `cursor` of an earlier stream of the same table, behind which this one begins. Default: begins with the first row. */
  readonly after?: string | null | undefined;
}

/**
 * All rows of a table in the order of their primary key, ids compared bytewise. Memory stays flat: a page is held
 * while the caller works through it, and the next is read meanwhile. Leaving the loop ends the stream. A stream is read once:
 * a second loop over it is refused with `invalid_argument`, since both would share one cursor.
 *
 * Rows may change while the stream runs. Each page is a snapshot of its own, and no transaction is open between pages. A
 * row that exists all the time comes exactly once, as it was when its page was read. A row that is made or removed
 * meanwhile may or may not come. Rows of different pages may be of different moments, so a sum over them need not add up:
 * use the audit for sums.
 *
 * When the connection breaks, the page is retried for a while. If it still fails (`database_unavailable`, `pool_exhausted`,
 * `closed`), the loop throws the error, and `cursor` is that of the last row that came.
 */
export interface RowStream<View> extends AsyncIterable<View> {
  /**
   * The place behind the row that came last; `null` before the first row. A new stream with this as `after` continues with
   * the next row, in this process or in another.
   */
  readonly cursor: string | null;
}

const OPTIONS = namesOf<StreamOptions>({ after: true });

/** Reads a table by keyset pagination: each page begins behind the last key of the page before. */
export class KeysetStream<View> implements RowStream<View> {
  readonly #source: Source<View>;
  readonly #read: Read;
  readonly #calls: Calls;
  #place: CursorKey | null;
  #isTaken = false;

  /** @throws PincexError `invalid_argument` */
  constructor(source: Source<View>, read: Read, calls: Calls, options?: StreamOptions) {
    const { after } = readOptions(`a stream of ${source.name}`, options, OPTIONS);
    this.#source = source;
    this.#read = read;
    this.#calls = calls;
    this.#place = after == null ? null : decodeCursor(source.name, source.bottom, after);
  }

  get cursor(): string | null {
    return this.#place === null ? null : encodeCursor(this.#source.name, this.#place);
  }

  [Symbol.asyncIterator](): AsyncGenerator<View, void> {
    if (this.#isTaken) {
      throw new PincexError(
        'invalid_argument',
        'A stream is read once: make a new one, and give it the cursor of this one to go on',
      );
    }
    this.#isTaken = true;
    return this.#rows();
  }

  async *#rows(): AsyncGenerator<View, void> {
    let page = this.#readPage(this.#place ?? this.#source.bottom);
    for (;;) {
      const rows = await page;
      const last = rows.length < limits.streams.rows ? undefined : rows.at(-1);
      if (last !== undefined) page = this.#readPage(this.#source.keyOf(last));
      for (const row of rows) {
        this.#calls.requireOpen();
        this.#place = this.#source.keyOf(row);
        yield row;
      }
      if (last === undefined) return;
    }
  }

  #readPage(after: CursorKey): Promise<View[]> {
    const page = this.#calls.run(() => this.#read((session) => this.#source.readPage(session, after)));
    // The loop throws the failure when it gets to this page. If the caller leaves it before, nobody handles the rejection.
    page.catch(() => undefined);
    return page;
  }
}
