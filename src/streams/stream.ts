import type { Session } from '../database/database.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import type { Calls } from '../services/calls.ts';
import { decodeCursor, encodeCursor, type Key } from './cursor.ts';
import type { Source } from './sources.ts';

/** Reads a page: from a replica where there is one. */
export type Read = <Result extends object>(work: (session: Session) => Promise<Result>) => Promise<Result>;

export interface StreamOptions {
  /** The `cursor` of an earlier stream of the same rows: begins behind it. Default: the first row. */
  readonly after?: string | null | undefined;
}

/**
 * All rows of a table in the order of their primary key, ids compared bytewise. Memory stays flat: a page is held
 * while the caller works through it, and the next is read meanwhile. Leaving the loop ends it. It is read once:
 * a second loop over it is refused with `invalid_argument`, since the two would share one cursor.
 *
 * Rows may change while it runs. Each page is a snapshot of its own, and no transaction is open between pages. A
 * row that is there all the time comes exactly once, as it was when its page was read; one that is made or
 * removed meanwhile comes or does not. Rows of different pages may therefore be of different moments: sums
 * are for the audit.
 *
 * A page is asked for again for a while when the connection breaks. If it fails all the same (`database_unavailable`,
 * `pool_exhausted`, `closed`), the loop throws the error, and `cursor` is still right.
 */
export interface RowStream<View> extends AsyncIterable<View> {
  /**
   * The place behind the row that came last: given as `after`, a new stream goes on with the next one, in this
   * process or in another. `null` before the first row.
   */
  readonly cursor: string | null;
}

const OPTIONS = namesOf<StreamOptions>({ after: true });

/** Reads a table by keyset: each page begins behind the key at which the one before ended. */
export class KeysetStream<View> implements RowStream<View> {
  readonly #source: Source<View>;
  readonly #read: Read;
  readonly #calls: Calls;
  #place: Key | null;
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

  #readPage(after: Key): Promise<View[]> {
    const page = this.#calls.run(() => this.#read((session) => this.#source.readPage(session, after)));
    // Its failure is for the caller who gets that far, and nobody's once the loop was left.
    page.catch(() => undefined);
    return page;
  }
}
