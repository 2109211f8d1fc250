import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { withClient } from '../database/client.ts';
import { answers, urlOf } from './database.ts';
import type { Endpoint } from './system/endpoint.ts';
import { notStartable } from './failure.ts';
import type { ServerFiles } from './files.ts';

/** Reads the password of the superuser, or makes one if there is no data yet. */
export function readOrMakePassword(files: ServerFiles): string {
  if (existsSync(files.password)) return read(files.password);
  if (existsSync(files.cluster)) {
    throw notStartable(`${files.password} is missing, which belongs to ${files.cluster}. Put it back.`);
  }
  const password = make();
  write(files.password, password);
  return password;
}

/**
 * The password that a running server accepts: the current one, or the next one if the process that renewed it was killed. The
 * next one then becomes the current one.
 *
 * @returns null while the server accepts no connections
 */
export async function findPassword(files: ServerFiles, endpoint: Endpoint): Promise<string | null> {
  const next = existsSync(files.nextPassword) ? read(files.nextPassword) : null;
  if (next !== null && (await isTaken(endpoint, next))) {
    renameSync(files.nextPassword, files.password);
    return next;
  }
  const password = read(files.password);
  return (await answers(urlOf(endpoint, password, 'postgres'))) ? password : null;
}

/** Gives the superuser another password, so that earlier ones become useless. */
export async function renewPassword(
  files: ServerFiles,
  endpoint: Endpoint,
  password: string,
): Promise<string> {
  const next = make();
  // The file is written before the server changes, so that at any moment one of the two files has the valid password.
  write(files.nextPassword, next);
  await withClient(urlOf(endpoint, password, 'postgres'), async (client) => {
    await client.query(`SET password_encryption = 'scram-sha-256'`);
    await client.query(`ALTER ROLE postgres PASSWORD '${next}'`);
  });
  renameSync(files.nextPassword, files.password);
  return next;
}

/** Whether the server accepts the password; false too if no server answers. */
async function isTaken(endpoint: Endpoint, password: string): Promise<boolean> {
  try {
    return await answers(urlOf(endpoint, password, 'postgres'));
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    if (code === WRONG_PASSWORD) return false;
    throw error;
  }
}

/** The SQLSTATE `invalid_password`. */
const WRONG_PASSWORD = '28P01';

const read = (file: string): string => readFileSync(file, 'utf8').trim();

/** A random password in hexadecimal, which needs no encoding in URLs and statements. */
const make = (): string => randomBytes(24).toString('hex');

/** Writes a file under another name and renames it, so that it is never seen half-written. */
function write(file: string, password: string): void {
  writeFileSync(`${file}.new`, password, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
