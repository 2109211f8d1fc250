import { once } from 'node:events';
import { chownSync, mkdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePort } from './port.ts';
import type { ServerUser } from './user.ts';

/** The address of a server: a port of 127.0.0.1, or a socket in a folder that only its user can enter. */
export interface Endpoint {
  /** The address, or the folder of the socket. */
  readonly host: string;
  readonly port: number;
}

/** PostgreSQL names a socket after this port. */
const PORT_OF_SOCKETS = 5432;

/** Some systems truncate longer paths of sockets. */
const LONGEST_PATH = 103;

export const isSocket = ({ host }: Endpoint): boolean => host.startsWith('/');

/** A socket if the folder supports one, else a free port of 127.0.0.1. */
export async function findEndpoint(folder: string, user: ServerUser | null): Promise<Endpoint> {
  // A killed server leaves its socket behind.
  rmSync(folder, { recursive: true, force: true });
  const endpoint = { host: folder, port: PORT_OF_SOCKETS };
  const file = path.join(folder, `.s.PGSQL.${PORT_OF_SOCKETS}`);
  if (Buffer.byteLength(file) > LONGEST_PATH) return findPort();
  mkdirSync(folder, { mode: 0o700 });
  if (!(await canListen(file))) {
    rmSync(folder, { recursive: true, force: true });
    return findPort();
  }
  if (user) chownSync(folder, user.uid, user.gid);
  return endpoint;
}

export async function findPort(): Promise<Endpoint> {
  return { host: '127.0.0.1', port: await freePort() };
}

/** Whether the file system supports sockets. One that a virtual machine shares with its host may not. */
async function canListen(file: string): Promise<boolean> {
  const probe = net.createServer();
  try {
    await once(probe.listen(file), 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
