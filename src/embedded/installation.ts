import type { Binaries } from './system/binaries.ts';
import type { ServerFiles } from './files.ts';
import type { Lifeline } from './processes/lifeline.ts';
import type { ServerUser } from './system/user.ts';
import type { Launcher } from './system/launcher.ts';

/** Everything that making a cluster and starting a server on it needs. */
export interface Installation {
  readonly files: ServerFiles;
  readonly binaries: Binaries;
  /** Null where the server runs as the user that we are. */
  readonly user: ServerUser | null;
  readonly launcher: Launcher;
  readonly password: string;
  readonly listens: 'socket' | 'tcp';
  readonly lifeline: Lifeline;
}
