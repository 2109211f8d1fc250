import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { findBinaries } from '../../src/embedded/system/binaries.ts';
import { answers, urlOf } from '../../src/embedded/database.ts';
import { prepareFiles, type ServerFiles } from '../../src/embedded/files.ts';
import { makeLifeline, type Lifeline } from '../../src/embedded/processes/lifeline.ts';
import { tailOfLog, withLog } from '../../src/embedded/log.ts';
import { freePort } from '../../src/embedded/system/port.ts';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/embedded/server.ts';
import { serverSettings } from '../../src/embedded/settings.ts';
import { supervise, type Supervised } from '../../src/embedded/processes/supervise.ts';
import { findServerUser } from '../../src/embedded/system/user.ts';
import { findLauncher, type Launcher } from '../../src/embedded/system/launcher.ts';
import { copyFolder, makeFolder, removeFolder } from './folders.ts';
import { until } from './waiting.ts';

/** A primary with the books and a real streaming replica of it, both of which belong to one test file. */
export class TestReplica {
  readonly primaryUrl: string;
  readonly replicaUrl: string;
  readonly #folder: string;
  readonly #primary: EmbeddedServer;
  readonly #files: ServerFiles;
  readonly #launcher: Launcher;
  readonly #lifeline: Lifeline;
  readonly #port: number;
  /** The connections on which tests query each server outside the Pincex: one each, replaced when it is lost. */
  readonly #onPrimary: pg.Pool;
  readonly #onReplica: pg.Pool;
  #server: Supervised | undefined;

  private constructor(
    folder: string,
    primary: EmbeddedServer,
    files: ServerFiles,
    launcher: Launcher,
    lifeline: Lifeline,
    port: number,
  ) {
    this.#folder = folder;
    this.#primary = primary;
    this.#files = files;
    this.#launcher = launcher;
    this.#lifeline = lifeline;
    this.#port = port;
    this.primaryUrl = primary.url;
    // The password of the role is replicated, as everything else is.
    const { password } = new URL(this.primaryUrl);
    this.replicaUrl = urlOf({ host: '127.0.0.1', port }, password);
    this.#onPrimary = oneConnection(this.primaryUrl);
    this.#onReplica = oneConnection(this.replicaUrl);
  }

  static async start(): Promise<TestReplica> {
    const folder = makeFolder('replica');
    const [primaryDir, replicaDir] = [path.join(folder, 'primary'), path.join(folder, 'replica')];
    // The embedded server has every setting that a primary needs, and both servers begin with the same data.
    await Promise.all([primaryDir, replicaDir].map((dataDir) => copyFolder(inject('seedFolder'), dataDir)));
    const files = prepareFiles(replicaDir);
    writeFileSync(path.join(files.cluster, 'standby.signal'), '');
    const launcher = await findLauncher(await findServerUser(files.cluster), findBinaries(), replicaDir);
    const primary = await startEmbeddedServer({ dataDir: primaryDir, listens: 'tcp' });
    const replica = new TestReplica(
      folder,
      primary,
      files,
      launcher,
      await makeLifeline(files),
      await freePort(),
    );
    await replica.startReplica();
    return replica;
  }

  /** @param settings added to the settings of every replica, such as `recovery_min_apply_delay` */
  async startReplica(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const own = {
      primary_conninfo: `${this.primaryUrl}&application_name=replica`,
      wal_retrieve_retry_interval: '100ms',
      // Only checkpoints write to the disk, so that a test that kills the replica knows what is on it.
      bgwriter_lru_maxpages: '0',
      checkpoint_timeout: '1h',
      ...settings,
    };
    const program = [
      [
        findBinaries().postgres,
        '-D',
        this.#files.cluster,
        ...serverSettings({ host: '127.0.0.1', port: this.#port }),
      ],
      ...Object.entries(own).map(([name, value]) => ['-c', `${name}=${value}`]),
    ].flat();
    await until('the replica to answer', async () => {
      // After a kill, a new server is refused until the last process of the old one has ended.
      if (this.#server === undefined) {
        const server = await withLog(this.#files.log, (log) =>
          supervise(this.#launcher, program, log, this.#lifeline),
        );
        this.#server = server;
        void server.ended.then(() => {
          if (this.#server === server) this.#server = undefined;
        });
      }
      return hasFollowed(this.replicaUrl);
    }).catch((cause: unknown) => {
      throw new Error(`The replica does not start:\n${tailOfLog(this.#files.log)}`, { cause });
    });
  }

  /** @param signal `SIGKILL` stops the replica without a shutdown */
  async stopReplica(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.signalReplica(signal);
    await server.ended;
  }

  /** Sends a signal to the postmaster, which does not pass it on to the processes of its connections. */
  signalReplica(signal: NodeJS.Signals): void {
    const [pid] = readFileSync(path.join(this.#files.cluster, 'postmaster.pid'), 'utf8').split('\n', 1);
    process.kill(Number(pid), signal);
  }

  /** Pauses the replay: the replica no longer shows new commits. */
  async pauseReplay(): Promise<void> {
    await this.replica('SELECT pg_wal_replay_pause()');
    await until('the replay to pause', async () => {
      const [row] = await this.replica<{ state: string }>('SELECT pg_get_wal_replay_pause_state() AS state');
      return row?.state === 'paused';
    });
  }

  /** Resumes the replay, and returns when the replica has caught up. */
  async resumeReplay(): Promise<void> {
    await this.replica('SELECT pg_wal_replay_resume()');
    await this.catchUp();
  }

  /** Waits until the replica has replayed every commit. */
  async catchUp(): Promise<void> {
    // The position may lie after the header of a page that is still empty: the message makes the log reach it.
    const [row] = await this.primary<{ position: string }>(
      `SELECT pg_current_wal_insert_lsn() AS position, pg_logical_emit_message(true, 'pincex', 'beyond')`,
    );
    await until('the replica to catch up', async () => {
      const [reached] = await this.replica<{ yes: boolean }>(
        'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS yes',
        [row?.position],
      );
      return reached?.yes === true;
    });
  }

  /** Runs SQL on the primary, outside the Pincex. */
  async primary<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]> {
    return (await this.#onPrimary.query<Row>(sql, values)).rows;
  }

  /** Runs SQL on the replica, outside the Pincex. */
  async replica<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]> {
    return (await this.#onReplica.query<Row>(sql, values)).rows;
  }

  async remove(): Promise<void> {
    await Promise.all([this.#onPrimary.end(), this.#onReplica.end()]);
    await this.stopReplica();
    Object.values(this.#lifeline).forEach(closeSync);
    await this.#primary.stop();
    removeFolder(this.#folder);
  }
}

function oneConnection(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 });
  // Tests stop the replica: the next query opens a new connection.
  pool.on('error', () => undefined);
  return pool;
}

/** Whether a replica answers, and has replayed the password of its primary. */
async function hasFollowed(url: string): Promise<boolean> {
  try {
    return await answers(url);
  } catch (error) {
    if ((error as Error).message.includes('28P01')) return false;
    throw error;
  }
}
