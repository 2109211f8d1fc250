import type { Binaries } from './binaries.ts';
import type { ServerFiles } from './files.ts';
import type { Lifeline } from './lifeline.ts';
import type { ServerUser } from './user.ts';
import type { Way } from './way.ts';

/** What it takes to make a cluster and to start a server on it. */
export interface Installation {
  readonly files: ServerFiles;
  readonly binaries: Binaries;
  /** Null where the server runs as the user that we are. */
  readonly user: ServerUser | null;
  readonly way: Way;
  readonly password: string;
  readonly listens: 'socket' | 'tcp';
  readonly lifeline: Lifeline;
}
