import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import xz from 'xz-decompress';
import { PincexError } from '../../errors.ts';
import { COLUMNS, readEvent, type OrderEvent } from './events.ts';
import { messageOf } from '../../describe.ts';

/** The bound on the length of a line, to protect the memory: a longer line is no event. */
const LINE_BYTES = 64 * 1024;

/** A recording on disk, read as a stream. */
export interface Source {
  /** The event of every line after the header; `null` for a malformed one. It can be read once. */
  readonly events: AsyncIterable<OrderEvent | null>;
  /** The share of the file that was read so far, 0 to 1. */
  progress(): number;
}

/**
 * Opens a recording: CSV, compressed if its name ends in `.xz` or `.gz`.
 *
 * @throws PincexError `invalid_file`: at once if the file cannot be read or has another header, or later if it is broken
 */
export async function openSource(file: string): Promise<Source> {
  const stats = await stat(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  if (!stats.isFile()) throw invalid(file, 'it is not a file');
  if (stats.size === 0) throw invalid(file, 'it is empty');
  const raw = createReadStream(file);
  const lines = readLines(file, raw);
  const { value: header } = await lines.next();
  if (header === undefined) throw invalid(file, 'it is empty');
  if (header.join() !== COLUMNS.join()) {
    await lines.return(undefined);
    throw invalid(file, `its first line is "${header.join().slice(0, 100)}"`);
  }
  return { events: readEvents(lines), progress: () => Math.min(1, raw.bytesRead / stats.size) };
}

async function* readEvents(lines: AsyncIterable<string[]>): AsyncGenerator<OrderEvent | null> {
  for await (const line of lines) yield readEvent(line);
}

/** Every line, split at its commas. */
async function* readLines(file: string, raw: ReadStream): AsyncGenerator<string[], undefined> {
  const parser = parse({
    bom: true,
    // No field of a recording is quoted. A stray quote must not join the lines after it into one field.
    quote: null,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LINE_BYTES,
  });
  // If any stream fails, the parser is destroyed with that error and throws it below.
  pipeline([...decompressed(file, raw), parser], () => undefined);
  try {
    for await (const line of parser) yield line as string[];
  } catch (error) {
    throw unreadable(file, error);
  }
  return undefined;
}

/** The streams from the file to its text. */
function decompressed(file: string, raw: ReadStream): (Readable | ReturnType<typeof createGunzip>)[] {
  if (file.endsWith('.gz')) return [raw, createGunzip()];
  if (file.endsWith('.xz')) return [Readable.fromWeb(new xz.XzReadableStream(Readable.toWeb(raw)))];
  return [raw];
}

function unreadable(file: string, error: unknown): PincexError {
  return invalid(file, messageOf(error), error);
}

function invalid(file: string, problem: string, cause?: unknown): PincexError {
  const expected = `expected a CSV file, plain, .xz or .gz, whose first line is "${COLUMNS.join()}"`;
  return new PincexError('invalid_file', `Cannot replay ${file}: ${problem}; ${expected}`, { cause });
}
