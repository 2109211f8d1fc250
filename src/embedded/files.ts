import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** The files of the data folder. */
export interface ServerFiles {
  readonly dataDir: string;
  /** PostgreSQL's own data. It appears under this name only when it is complete. */
  readonly cluster: string;
  /** The password of the superuser, readable by its owner only. */
  readonly password: string;
  /** The one that is to take its place, while it is being renewed. */
  readonly nextPassword: string;
  /** The folder of the socket that the server listens on, while it runs. */
  readonly socket: string;
  /** The log of the server since its last start; the one before it is `postgres.log.1`. */
  readonly log: string;
  /** Held by the process that is just starting the server. */
  readonly lock: string;
  /** A pipe that those who use the server hold open: see `lifeline.ts`. */
  readonly lifeline: string;
  /** Those who came to use the server since it was started, as its supervisor noticed them. */
  readonly users: string;
}

/** Makes the data folder, with its parents, and names its files. */
export function prepareFiles(dataDir: string): ServerFiles {
  mkdirSync(dataDir, { recursive: true });
  // The one true path: a server is recognised by it, however a process spelt it.
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
