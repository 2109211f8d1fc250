import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';

/** Begins a new log and keeps only the previous one. */
export function rotateLog(file: string): void {
  if (existsSync(file)) renameSync(file, `${file}.1`);
}

/** Opens the log for appending while `use` runs. */
export async function withLog<T>(file: string, use: (descriptor: number) => T): Promise<Awaited<T>> {
  const descriptor = openSync(file, 'a', 0o600);
  try {
    return await use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The last lines of the log, for an error. */
export function tailOfLog(file: string, lines = 15): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
