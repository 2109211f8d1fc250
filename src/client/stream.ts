import { foreign } from './errors.ts';
import { cut } from './exchange.ts';
import { parse, type CallOptions, type Transport } from './transport.ts';

export interface StreamOptions extends CallOptions {
  /** The `cursor` of an earlier stream of the same rows: begins behind it. Default: the first row. */
  readonly after?: string | null | undefined;
  /** How long the next rows may take to come, before the connection counts as cut. Default: that of the client. */
  readonly timeoutMs?: number | undefined;
}

/**
 * All rows of a table, in the order of their keys. They come as fast as the loop takes them; leaving it ends the
 * stream. A connection that is cut is made again, and goes on behind the row that came last.
 *
 * It is read once: a new stream, given the `cursor` of this one, goes on where it ended.
 */
export interface RowStream<Row> extends AsyncIterable<Row> {
  /** The place behind the row that came last; null before the first row. */
  readonly cursor: string | null;
}

type Line<Row> = { readonly cursor: string; readonly row: Row } | { readonly end: true };

export class HttpRowStream<Row> implements RowStream<Row> {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #options: StreamOptions;
  #cursor: string | null;
  #isTaken = false;

  constructor(transport: Transport, path: string, options: StreamOptions) {
    this.#transport = transport;
    this.#path = path;
    this.#options = options;
    this.#cursor = options.after ?? null;
  }

  get cursor(): string | null {
    return this.#cursor;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Row, void> {
    if (this.#isTaken)
      throw new TypeError('A stream is read once: make a new one, with the cursor of this one');
    this.#isTaken = true;
    return this.#rows();
  }

  async *#rows(): AsyncGenerator<Row, void> {
    const retries = this.#transport.retries(this.#options.signal);
    for (;;) {
      try {
        for await (const lines of this.#transport.lines(this.#place(), this.#options)) {
          for (const text of lines) {
            const line = lineOf<Row>(text);
            if ('end' in line) return;
            retries.reset();
            this.#cursor = line.cursor;
            yield line.row;
          }
        }
        // Without the line that says so it did not end, but broke off.
        throw cut();
      } catch (error) {
        await retries.after(error);
      }
    }
  }

  #place(): string {
    return this.#cursor === null ? this.#path : `${this.#path}?after=${encodeURIComponent(this.#cursor)}`;
  }
}

/** @throws PincexClientError `http_error` */
function lineOf<Row>(text: string): Line<Row> {
  const line = parse(text, 200);
  if (typeof line === 'object' && line !== null && ('end' in line || ('cursor' in line && 'row' in line))) {
    return line as Line<Row>;
  }
  throw foreign("A line is not one of the service's", text, 200);
}
