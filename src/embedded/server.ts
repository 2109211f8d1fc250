import { closeSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PincexError } from '../errors.ts';
import { findBinaries } from './system/binaries.ts';
import { ensureCluster, isComplete } from './cluster.ts';
import { ensureDatabase, urlOf } from './database.ts';
import { notStartable } from './failure.ts';
import { prepareFiles, type ServerFiles } from './files.ts';
import { launchServer } from './launch.ts';
import {
  enter,
  hasUsers,
  isCurrent,
  isWatched,
  makeLifeline,
  removeLifeline,
  type Entrance,
} from './processes/lifeline.ts';
import { withLock } from './processes/lock.ts';
import { rotateLog } from './log.ts';
import { findPassword, readOrMakePassword, renewPassword } from './password.ts';
import {
  findPostmaster,
  type Postmaster,
  removeStalePidFile,
  stopPostmaster,
} from './processes/postmaster.ts';
import { pidOf, untilEnded } from './processes/identity.ts';
import { findServerUser } from './system/user.ts';
import { findLauncher } from './system/launcher.ts';

/** A running embedded server. */
export interface EmbeddedServer {
  /** The database `pincex` on it, with the password of the superuser. */
  readonly url: string;
  /** False where it ran already. */
  readonly startedHere: boolean;
  /** Fulfilled once its process has ended, however it did. */
  readonly ended: Promise<void>;
  /** Needs the server no more: it stops, and is waited for, unless somebody else uses it. The second time nothing is done. */
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  /** The folder that keeps the data, made where it is missing. */
  readonly dataDir: string;
  /** Default: a socket where the folder can have one. Tests put proxies before a server. */
  readonly listens?: 'socket' | 'tcp';
  /** Told in words what takes time. */
  readonly onProgress?: (message: string) => void;
}

/** How long a server, or what a start that was killed has left, may be neither ready nor gone. */
const LONGEST_CHANGE_MS = 90_000;

/**
 * Starts a PostgreSQL server on the data folder, or uses the one that runs there. It ends with the last process that
 * uses it, however that ends; to be done with it earlier, call `stop()`.
 *
 * @throws PincexError `server_not_startable`, with the reason and what to do.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const onProgress = options.onProgress ?? (() => undefined);
  try {
    if (process.platform === 'win32') throw notStartable('Windows is not supported.');
    const files = prepareFiles(options.dataDir);
    return await withLock(
      files.lock,
      async () =>
        (await useRunningServer(files)) ?? (await start(files, options.listens ?? 'socket', onProgress)),
      (holder) => {
        onProgress(`waiting for process ${pidOf(holder)}, which is starting PostgreSQL`);
      },
    );
  } catch (error) {
    if (error instanceof PincexError) throw error;
    throw notStartable((error as Error).message, error);
  }
}

/**
 * The server that runs already and stays. One that is ending is waited for, one that nobody watches is stopped (its
 * supervisor died), and null returned: ours takes its place.
 */
async function useRunningServer(files: ServerFiles): Promise<EmbeddedServer | null> {
  const deadline = Date.now() + LONGEST_CHANGE_MS;
  let entrance: Entrance | null = null;
  let server: EmbeddedServer | null = null;
  try {
    for (;;) {
      const postmaster = findPostmaster(files.cluster);
      if (!postmaster) return null;
      if (entrance && !isWatched(files)) {
        // Its supervisor died after we had come.
        closeSync(entrance.held);
        entrance = null;
      }
      entrance ??= enter(files);
      if (!entrance) {
        await stopPostmaster(postmaster.identity);
      } else if (postmaster.ready && entrance.isNoticed()) {
        const password = await findPassword(files, postmaster.endpoint);
        if (password !== null) {
          // The process that started the server may have been killed before it made the database.
          await ensureDatabase(postmaster.endpoint, password);
          server = usedServer(files, postmaster, password, entrance.held, false);
          return server;
        }
      }
      if (Date.now() > deadline) {
        throw notStartable(`the server process ${pidOf(postmaster.identity)} neither answers nor ends.`);
      }
      await sleep(20);
    }
  } finally {
    if (entrance && !server) closeSync(entrance.held);
  }
}

async function start(
  files: ServerFiles,
  listens: 'socket' | 'tcp',
  onProgress: (message: string) => void,
): Promise<EmbeddedServer> {
  const binaries = findBinaries();
  const user = await findServerUser(files.cluster);
  const launcher = await findLauncher(user, binaries, files.dataDir);
  await untilUnwatched(files);
  rotateLog(files.log);
  const isNew = !isComplete(files.cluster);
  if (isNew) onProgress('creating the PostgreSQL data folder');
  const first = readOrMakePassword(files);
  const lifeline = await makeLifeline(files);
  const installation = { files, binaries, user, launcher, password: first, lifeline, listens };
  try {
    await ensureCluster(installation);
    onProgress('starting PostgreSQL');
    removeStalePidFile(files.cluster);
    const postmaster = await launchServer(installation);
    let password = first;
    try {
      if (!isNew) password = await renew(files, postmaster);
      await ensureDatabase(postmaster.endpoint, password);
    } catch (error) {
      await stopPostmaster(postmaster.identity);
      throw error;
    }
    return usedServer(files, postmaster, password, lifeline.held, true);
  } catch (error) {
    closeSync(lifeline.held);
    throw error;
  } finally {
    closeSync(lifeline.reader);
    closeSync(lifeline.users);
  }
}

async function renew(files: ServerFiles, { endpoint }: Postmaster): Promise<string> {
  const password = await findPassword(files, endpoint);
  if (password === null) throw notStartable('PostgreSQL is ready and takes no connections.');
  return renewPassword(files, endpoint, password);
}

/**
 * A start that was killed may have set a program going that has written nothing yet by which it could be found. Its
 * supervisor has been there from the beginning, and ends it.
 */
async function untilUnwatched(files: ServerFiles): Promise<void> {
  const deadline = Date.now() + LONGEST_CHANGE_MS;
  while (isWatched(files)) {
    if (Date.now() > deadline)
      throw notStartable(`what an earlier start has left in ${files.dataDir} does not end.`);
    await sleep(20);
  }
}

function usedServer(
  files: ServerFiles,
  { identity, endpoint }: Postmaster,
  password: string,
  held: number,
  startedHere: boolean,
): EmbeddedServer {
  let leaving: Promise<void> | undefined;
  return {
    url: urlOf(endpoint, password),
    startedHere,
    ended: untilEnded(identity),
    stop() {
      leaving ??= leave(files, identity, held);
      return leaving;
    },
  };
}

/** Under the lock: nobody comes between our look at who is left and the end of the server. */
async function leave(files: ServerFiles, identity: string, held: number): Promise<void> {
  if (!existsSync(files.dataDir)) {
    // It was deleted under us, and nobody can come any more.
    closeSync(held);
    await stopPostmaster(identity);
    return;
  }
  await withLock(files.lock, async () => {
    const isOurs = isCurrent(files, held);
    closeSync(held);
    if (!isOurs || hasUsers(files)) return;
    await stopPostmaster(identity);
    removeLifeline(files);
  });
}
