import { startEmbeddedServer } from '../embedded/server.ts';
import { loadConfig, Pincex, PincexError, type Config, type PincexOptions } from '../index.ts';

/** Opens the books for one command, and closes them however it ends. */
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

/** The configured server, or the embedded one for as long as the command takes. Nothing is asked of its tables. */
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

/** Says what went wrong in one line; the code is what scripts look at. */
export function reportError(error: unknown): void {
  process.exitCode = 1;
  if (error instanceof PincexError) process.stderr.write(`pincex: ${error.message} (${error.code})\n`);
  else
    process.stderr.write(
      `pincex: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
}

/**
 * Whoever reads our output may go before it ends, as `head` does. The command then does what it was asked to all the same,
 * since half a migration helps nobody, and says no more.
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

/** Prints one line on standard output: where results go. */
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
  for (const row of [header, widths.map((width) => '-'.repeat(width)), ...rows]) print(line(row));
}
