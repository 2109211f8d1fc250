import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** The files of the data folder. */
export interface ServerFiles {
  readonly dataDir: string;
  /** The data of PostgreSQL. The folder gets this name only once it is complete. */
  readonly cluster: string;
  /** The password of the superuser, readable by its owner only. */
  readonly password: string;
  /** The next password, while it is being renewed. */
  readonly nextPassword: string;
  /** The folder of the socket that the server listens on, while it runs. */
  readonly socket: string;
  /** The log of the server since its last start; the one before it is `postgres.log.1`. */
  readonly log: string;
  /** The lock of the process that is starting the server. */
  readonly lock: string;
  /** A pipe that each process which uses the server holds open: see `lifeline.ts`. */
  readonly lifeline: string;
  /** The processes that came to use the server since its start, as its supervisor recorded them. */
  readonly users: string;
}

/** Makes the data folder, with its parents, and names its files. */
export function prepareFiles(dataDir: string): ServerFiles {
  mkdirSync(dataDir, { recursive: true });
  // The real path: a server is recognized by it, even if processes spell the path differently.
  const folder = realpathSync(dataDir);
  const file = (name: string) => path.join(folder, name);
  return {
    dataDir: folder,
    cluster: file('postgres'),
    password: file('postgres.password'),
    nextPassword: file('postgres.password.next'),
    socket: file('postgres.socket'),
    log: file('postgres.log'),
    lock: file('postgres.lock'),
    lifeline: file('postgres.lifeline'),
    users: file('postgres.users'),
  };
}
