import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { notStartable } from './failure.ts';
import type { ServerFiles } from './files.ts';

/** Reads the password of the superuser; makes it where no data depends on it yet. */
export function readOrMakePassword(files: ServerFiles): string {
  if (existsSync(files.password)) return readFileSync(files.password, 'utf8').trim();
  if (existsSync(files.cluster)) {
    throw notStartable(`${files.password} is missing, which belongs to ${files.cluster}. Put it back.`);
  }
  // Hexadecimal: it stands in URLs as it is.
  const password = randomBytes(24).toString('hex');
  // Never seen half-written: a crash in between leaves only the other name.
  writeFileSync(`${files.password}.new`, password, { mode: 0o600 });
  renameSync(`${files.password}.new`, files.password);
  return password;
}
