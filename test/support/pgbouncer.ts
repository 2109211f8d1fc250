import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../../src/embedded/system/port.ts';
import { findServerUser } from '../../src/embedded/system/user.ts';
import { makeFolder, removeFolder } from './folders.ts';
import { findProgram } from './programs.ts';
import { until } from './waiting.ts';

/** A PgBouncer that belongs to one test. */
export interface PgBouncer {
  /** The URL of the same database, through PgBouncer. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** The path of PgBouncer, or null if it is not installed: its tests are then skipped. */
export const pgbouncer: string | null = findProgram('pgbouncer');

/** The reason that Vitest prints for skipped tests. */
export const WITHOUT_PGBOUNCER = 'PgBouncer is not installed here: install it to run these tests';

/**
 * Starts PgBouncer in front of a database, in transaction mode, with two connections to the server for all its clients.
 *
 * @param settings settings of `pgbouncer.ini` that replace the defaults
 */
export async function startPgBouncer(
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<PgBouncer> {
  if (pgbouncer === null) throw new Error(WITHOUT_PGBOUNCER);
  const target = new URL(databaseUrl);
  const port = await freePort();
  const folder = makeFolder('pgbouncer');
  const user = decodeURIComponent(target.username);
  const password = decodeURIComponent(target.password);
  const server = `host=${target.hostname} port=${target.port || '5432'} user=${user} password=${password}`;
  const ini = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    // Authentication by PgBouncer is not tested here.
    auth_type: 'any',
    pool_mode: 'transaction',
    default_pool_size: '2',
    ...settings,
  };
  const lines = Object.entries(ini).map(([key, value]) => `${key} = ${value}`);
  const file = path.join(folder, 'pgbouncer.ini');
  writeFileSync(file, `[databases]\n* = ${server}\n[pgbouncer]\n${lines.join('\n')}\n`);
  // PgBouncer refuses to run as root, as PostgreSQL does, and its user has to read the file.
  const owner = await findServerUser(folder);
  if (owner !== null) await promisify(execFile)('chown', [String(owner.uid), file]);
  const child = spawn(pgbouncer, ['-q', file], {
    ...(owner !== null && { uid: owner.uid, gid: owner.gid }),
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  // PgBouncer asks for no password.
  url.searchParams.delete('require_auth');
  const stop = async (): Promise<void> => {
    await end(child);
    removeFolder(folder);
  };
  await until('PgBouncer to answer', () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended: ${said}`);
    return answers(url.href);
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: url.href, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT');
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}
