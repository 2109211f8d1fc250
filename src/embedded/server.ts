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
  /** The URL of the database `pincex`, with the password of the superuser. */
  readonly url: string;
  /** False if the server was already running. */
  readonly startedHere: boolean;
  /** Resolves once the server process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Stops the server and waits for its end, unless another process uses it. Calling it again has no further effect. */
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  /** The folder for the data, which is created if it is missing. */
  readonly dataDir: string;
  /** Default: a socket if the folder supports one. Tests with proxies use `tcp`. */
  readonly listens?: 'socket' | 'tcp';
  /** Called with a message before each slow step. */
  readonly onProgress?: (message: string) => void;
}

/** The longest wait for a server that is starting or stopping, or for a program that a killed start left running. */
const LONGEST_CHANGE_MS = 90_000;

/**
 * Starts a PostgreSQL server on the data folder, or uses the one that runs there. The server ends with the last process that
 * uses it, even if that process is killed; `stop()` ends the use earlier.
 *
 * @throws PincexError `server_not_startable`, with the reason and the remedy.
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
 * Uses the server that is already running. If that server is ending, its end is awaited; if its supervisor died, it is
 * stopped. In both cases null is returned, and a new server is started.
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
        // The supervisor died after this process had registered.
        closeSync(entrance.held);
        entrance = null;
      }
      entrance ??= enter(files);
      if (!entrance) {
        await stopPostmaster(postmaster.identity);
      } else if (postmaster.ready && entrance.isNoticed()) {
        const password = await findPassword(files, postmaster.endpoint);
        if (password !== null) {
          // The process that started the server may have been killed before it created the database.
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
  if (password === null) throw notStartable('PostgreSQL is ready but accepts no connections.');
  return renewPassword(files, endpoint, password);
}

/**
 * Waits until no supervisor runs. A killed start may have started a program that has no pid file yet, but that program has a
 * supervisor from its beginning, which ends it.
 */
async function untilUnwatched(files: ServerFiles): Promise<void> {
  const deadline = Date.now() + LONGEST_CHANGE_MS;
  while (isWatched(files)) {
    if (Date.now() > deadline)
      throw notStartable(`a program that an earlier start left in ${files.dataDir} does not end.`);
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

/** Runs under the lock, so that no process registers between the check for other users and the end of the server. */
async function leave(files: ServerFiles, identity: string, held: number): Promise<void> {
  if (!existsSync(files.dataDir)) {
    // The folder was deleted meanwhile, so no other process can come to use the server.
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
