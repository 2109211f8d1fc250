import type { Binaries } from './system/binaries.ts';
import type { ServerFiles } from './files.ts';
import type { Lifeline } from './processes/lifeline.ts';
import type { ServerUser } from './system/user.ts';
import type { Launcher } from './system/launcher.ts';

/** The inputs for making a cluster and starting a server on it. */
export interface Installation {
  readonly files: ServerFiles;
  readonly binaries: Binaries;
  /** Null if the server runs as the user of this process. */
  readonly user: ServerUser | null;
  readonly launcher: Launcher;
  readonly password: string;
  readonly listens: 'socket' | 'tcp';
  readonly lifeline: Lifeline;
}
