import fs from 'node:fs';
import path from 'node:path';
import { notStartable } from './failure.ts';
import type { ServerFiles } from './files.ts';
import type { Installation } from './installation.ts';
import { tailOfLog, withLog } from './log.ts';
import { supervise } from './processes/supervise.ts';
import { accountFor, type ServerUser } from './system/user.ts';
import { findLauncher } from './system/launcher.ts';

/** Whether the folder holds a cluster that initdb has finished. */
export function isComplete(cluster: string): boolean {
  return (
    fs.existsSync(path.join(cluster, 'PG_VERSION')) &&
    fs.existsSync(path.join(cluster, 'global', 'pg_control'))
  );
}

/**
 * Makes sure that the folder holds a complete cluster that belongs to the server's user. The cluster is made under another
 * name and renamed when it is complete, so that a crash leaves either a complete one or none.
 *
 * @throws PincexError `server_not_startable` if initdb fails.
 */
export async function ensureCluster(installation: Installation): Promise<void> {
  const { files, user } = installation;
  removeLeftovers(files);
  if (!isComplete(files.cluster)) {
    setAside(files.cluster);
    await makeCluster(installation);
  } else if (user && fs.statSync(files.cluster).uid !== user.uid) {
    // For example, root copied the folder, or it still belongs to `nobody`.
    chownAll(files.cluster, user);
  }
}

async function makeCluster({ files, binaries, user, password, lifeline }: Installation): Promise<void> {
  const folder = `${files.cluster}.new-${process.pid}`;
  const unfinished = path.join(folder, 'postgres');
  const passwordFile = path.join(folder, 'password');
  fs.mkdirSync(folder, { mode: 0o710 });
  fs.mkdirSync(unfinished, { mode: 0o700 });
  fs.writeFileSync(passwordFile, password, { mode: 0o600 });
  const account = user && (await accountFor(user));
  if (account) {
    // The folder belongs to root and is open to the group, so other processes of the account cannot enter it.
    fs.chownSync(folder, 0, account.gid);
    for (const file of [unfinished, passwordFile]) fs.chownSync(file, account.uid, account.gid);
  }
  try {
    const launcher = await findLauncher(account, binaries, folder);
    const program = [
      [binaries.initdb, `--pgdata=${unfinished}`, '--username=postgres', `--pwfile=${passwordFile}`],
      ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-instructions'],
    ].flat();
    const code = await withLog(files.log, (log) => supervise(launcher, program, log, lifeline).ended);
    if (code !== 0) throw notStartable(`initdb failed:\n${tailOfLog(files.log)}`);
    if (user) chownAll(unfinished, user);
    fs.renameSync(unfinished, files.cluster);
    syncFolder(files.dataDir);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Removes the folders that a killed start left behind. */
function removeLeftovers(files: ServerFiles): void {
  for (const name of fs.readdirSync(files.dataDir)) {
    if (!name.startsWith('postgres.new-')) continue;
    // Its initdb may be ending at the same time and remove the same files.
    fs.rmSync(path.join(files.dataDir, name), { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Renames a folder that is no cluster: it is not ours to delete, and a cluster needs its place. */
function setAside(cluster: string): void {
  if (fs.existsSync(cluster)) fs.renameSync(cluster, `${cluster}.incomplete-${Date.now()}`);
}

function chownAll(folder: string, user: ServerUser): void {
  for (const entry of fs.readdirSync(folder, { recursive: true })) {
    fs.lchownSync(path.join(folder, String(entry)), user.uid, user.gid);
  }
  // The folder itself comes last: the next start checks only its owner.
  fs.lchownSync(folder, user.uid, user.gid);
}

/** Syncs the folder, since a rename survives a power failure only after that. */
function syncFolder(folder: string): void {
  const descriptor = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
