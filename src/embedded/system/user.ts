import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { notStartable } from '../failure.ts';

const run = promisify(execFile);

/** The operating-system user that the server runs as. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The range of the dynamic users of systemd, in which no account is created. */
const [FIRST, LAST] = [61_184, 65_519];

/**
 * PostgreSQL refuses to run as root, so root starts it as another user: the owner of existing data, else a user id that no
 * account and no process has. `nobody` is not used, since any program that runs as `nobody` could read the data and the
 * memory of the server; data that belongs to `nobody` gets a new owner.
 *
 * @returns null if this process is not root: the server then runs as the same user.
 */
export async function findServerUser(cluster: string): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0 && owner.uid !== (await uidOf('nobody'))) return named(owner.uid, owner.gid);
  for (;;) {
    const uid = randomInt(FIRST, LAST + 1);
    const isTaken = (await uidOf(String(uid))) !== null || (await uidsOfProcesses()).has(uid);
    if (!isTaken) return named(uid, uid);
  }
}

/**
 * The user for initdb, which requires an account: it runs as the user of an account, with the group of `user`, which no other
 * process is in.
 *
 * @throws PincexError `server_not_startable`
 */
export async function accountFor({ uid, gid }: ServerUser): Promise<ServerUser> {
  for (const account of [String(uid), 'postgres', 'nobody']) {
    const found = await uidOf(account);
    if (found !== null) return named(found, gid);
  }
  throw notStartable('PostgreSQL refuses to run as root, and there is no user postgres or nobody.');
}

const named = (uid: number, gid: number): ServerUser => ({ name: `user ${uid}`, uid, gid });

/** Null if the account does not exist. */
async function uidOf(account: string): Promise<number | null> {
  try {
    return Number((await run('id', ['-u', account])).stdout);
  } catch {
    return null;
  }
}

async function uidsOfProcesses(): Promise<Set<number>> {
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-axo', 'uid=']);
    return new Set(stdout.split('\n').map(Number));
  }
  const folders = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return new Set(folders.map((name) => statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid ?? 0));
}
