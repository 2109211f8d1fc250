import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PincexError } from '../errors.ts';
import { findBinaries } from './binaries.ts';
import { ensureCluster, isComplete } from './cluster.ts';
import { answers, ensureDatabase, urlOf } from './database.ts';
import { notStartable } from './failure.ts';
import { prepareFiles, type ServerFiles } from './files.ts';
import { launchServer } from './launch.ts';
import { withLock } from './lock.ts';
import { rotateLog } from './log.ts';
import { readOrMakePassword } from './password.ts';
import { findPostmaster, type Postmaster, removeStalePidFile, stopPostmaster } from './postmaster.ts';
import { isRunning, myself, pidOf } from './processes.ts';
import { findServerUser } from './user.ts';
import { findWay } from './way.ts';

/** A running embedded server. */
export interface EmbeddedServer {
  /** The database `pincex` on it, with the password of the superuser. */
  readonly url: string;
  /** The port on 127.0.0.1. */
  readonly port: number;
  /** False where another process started it. It then ends with that process. */
  readonly startedHere: boolean;
  /** Stops the server where it was started here; else, and the second time, does nothing. */
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  /** The folder that keeps the data, made where it is missing. */
  readonly dataDir: string;
  /** Told in words what takes time. */
  readonly onProgress?: (message: string) => void;
}

/** How long a server of another process may be neither ready nor gone. */
const LONGEST_CHANGE_MS = 90_000;

/**
 * Starts a PostgreSQL server on the data folder, or finds the one that a live process has started
 * there. A server that is started here ends with this process, however that ends; to end it earlier,
 * and to wait for it, call `stop()`.
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
      async () => (await findServerInUse(files)) ?? (await start(files, onProgress)),
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
 * The server that another process has started and that is in use. One whose starter is dead (its
 * supervisor is about to stop it, or died as well) is stopped, and null returned: ours takes its place.
 */
async function findServerInUse(files: ServerFiles): Promise<EmbeddedServer | null> {
  const deadline = Date.now() + LONGEST_CHANGE_MS;
  for (;;) {
    const postmaster = findPostmaster(files.cluster);
    if (!postmaster) return null;
    if (!isRunning(starterOf(files))) {
      await stopPostmaster(postmaster.identity);
    } else if (postmaster.ready) {
      const url = urlOf(postmaster.port, readOrMakePassword(files));
      if (await answers(url)) {
        return { url, port: postmaster.port, startedHere: false, stop: () => Promise.resolve() };
      }
    }
    if (Date.now() > deadline) {
      throw notStartable(`the server process ${pidOf(postmaster.identity)} neither answers nor ends.`);
    }
    await sleep(20);
  }
}

async function start(files: ServerFiles, onProgress: (message: string) => void): Promise<EmbeddedServer> {
  const binaries = findBinaries();
  const user = await findServerUser(files.cluster);
  const way = await findWay(user, binaries, files.dataDir);
  rotateLog(files.log);
  if (!isComplete(files.cluster)) onProgress('creating the PostgreSQL data folder');
  const password = readOrMakePassword(files);
  const installation = { files, binaries, user, way, password };
  await ensureCluster(installation);

  onProgress('starting PostgreSQL');
  removeStalePidFile(files.cluster);
  // Before the server runs: whoever finds it must find its starter too.
  writeFileSync(files.starter, myself());
  const postmaster = await launchServer(installation);
  try {
    await ensureDatabase(postmaster.port, password);
  } catch (error) {
    await stopPostmaster(postmaster.identity);
    throw error;
  }
  return startedServer(postmaster, password);
}

function startedServer({ identity, port }: Postmaster, password: string): EmbeddedServer {
  return { url: urlOf(port, password), port, startedHere: true, stop: () => stopPostmaster(identity) };
}

function starterOf(files: ServerFiles): string {
  try {
    return readFileSync(files.starter, 'utf8');
  } catch {
    return '';
  }
}
