import { foreignAnswer } from './errors.ts';
import { brokenOff } from './exchange.ts';
import { parse, type CallOptions, type Transport } from './transport.ts';

export interface StreamOptions extends CallOptions {
  /** The `cursor` of an earlier stream of the same table, behind which this one begins. Default: begins with the first row. */
  readonly after?: string | null | undefined;
  /** How long the next rows may take before the connection counts as broken. Default: that of the client. */
  readonly timeoutMs?: number | undefined;
}

/**
 * All rows of a table, in the order of their keys. Backpressure applies: the rows come as fast as the loop takes them. Leaving
 * the loop ends the stream. If the connection breaks, the client reconnects and continues behind the row that came last.
 *
 * A stream is read once. A new stream with the `cursor` of this one as `after` continues where this one ended.
 */
export interface RowStream<Row> extends AsyncIterable<Row> {
  /** The place behind the row that came last; null before the first row. */
  readonly cursor: string | null;
}

type StreamLine<Row> = { readonly cursor: string; readonly row: Row } | { readonly end: true };

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
      throw new TypeError('A stream is read once: make a new one, with the cursor of this one as after');
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
        // A complete stream ends with a line that says so. Without it the answer was cut off.
        throw brokenOff();
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
function lineOf<Row>(text: string): StreamLine<Row> {
  const line = parse(text, 200);
  if (typeof line === 'object' && line !== null && ('end' in line || ('cursor' in line && 'row' in line))) {
    return line as StreamLine<Row>;
  }
  throw foreignAnswer("A line is not one of the service's", text, 200);
}
