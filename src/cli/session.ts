import { visible } from '../describe.ts';
import { startEmbeddedServer } from '../embedded/server.ts';
import { loadConfig, Pincex, PincexError, type Config, type PincexOptions } from '../index.ts';
import { messageOf } from '../describe.ts';

/** Opens the books for one command, and closes them after it, even if it fails. */
export async function withPincex<Result>(
  work: (pincex: Pincex) => Promise<Result>,
  options?: PincexOptions,
): Promise<Result> {
  const pincex = await Pincex.open(options);
  try {
    return await work(pincex);
  } finally {
    await pincex.close();
  }
}

/** Runs a command with the configured server, or the embedded one. The schema is not checked. */
export async function withServer<Result>(
  work: (server: { url: string; isEmbedded: boolean; config: Config }) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig();
  const { url } = config.database;
  const server = url === null ? await startEmbeddedServer({ dataDir: config.dataDir }) : null;
  try {
    return await work({ url: url ?? server?.url ?? '', isEmbedded: server !== null, config });
  } finally {
    await server?.stop();
  }
}

/**
 * Prints an error on one line, with its code for scripts.
 *
 * @param json whether to print it as JSON
 */
export function reportError(error: unknown, json = false): void {
  process.exitCode = 1;
  if (json) {
    const { code, retryable } = error instanceof PincexError ? error : INTERNAL;
    process.stderr.write(errorLine({ code, message: messageOf(error), retryable }));
    return;
  }
  if (error instanceof PincexError) process.stderr.write(`pincex: ${error.message} (${error.code})\n`);
  else
    process.stderr.write(
      `pincex: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
}

/**
 * Handles a reader of the output that ends early, such as `head`. The command then prints no more but finishes its work,
 * since half a migration is of no use.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return;
      process.exitCode = 1;
      if (stream === process.stdout) process.stderr.write(`pincex: standard output: ${error.message}\n`);
    });
  }
}

const INTERNAL = { code: 'internal_error', retryable: false };

/** An error as a command with `--json` prints it. */
export const errorLine = (error: { code: string; message: string; retryable: boolean }): string =>
  `${JSON.stringify({ error })}\n`;

/** Prints a progress message on standard error. */
export function note(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Prints a result as JSON, on one line. */
export function printJson(result: object): void {
  print(JSON.stringify(result));
}

/** Prints one line of a result on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a table: columns as wide as their longest cell, numbers to the right. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const isNumber = (cell: string): boolean => /^[-\d.,]+( ?(x|ms|s|%))?$/.test(cell);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumber(cell) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  for (const row of [header, widths.map((width) => '-'.repeat(width)), ...rows]) print(visible(line(row)));
}
