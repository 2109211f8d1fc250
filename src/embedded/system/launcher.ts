import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.ts';
import { notStartable } from '../failure.ts';
import type { ServerUser } from './user.ts';

const run = promisify(execFile);

/** The way to start the programs of PostgreSQL: the user, and a command to run before theirs. */
export interface Launcher {
  readonly prefix: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

/**
 * The environment of the server. It has nothing of the caller's environment, since PG… variables and locales would change the
 * server's behaviour. Freed memory, up to 32 MB for each connection, stays allocated: by default glibc returns it to the system
 * after each statement, and the page faults of allocating it again took a fifth of a batch of 50 locks.
 */
export const serverEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'],
  LC_ALL: 'C',
  MALLOC_MMAP_THRESHOLD_: `${32 * 1024 * 1024}`,
  MALLOC_TRIM_THRESHOLD_: `${32 * 1024 * 1024}`,
};

/**
 * Finds a way for `user` to run the programs and enter the data folder.
 *
 * @throws PincexError `server_not_startable` if there is none.
 */
export async function findLauncher(
  user: ServerUser | null,
  binaries: Binaries,
  dataDir: string,
): Promise<Launcher> {
  const failures: string[] = [];
  for (const launcher of launchersFor(user)) {
    const failure = await tryLauncher(launcher, binaries, dataDir);
    if (failure === null) return launcher;
    failures.push(failure);
  }
  throw notStartable(
    user
      ? `PostgreSQL refuses to run as root, and ${user.name} cannot reach ${binaries.postgres} or ${dataDir}:\n` +
          `${failures.join('\n')}\n` +
          'Let other users enter these folders (chmod o+x on each parent), or set PINCEX_DATA_DIR to a folder they can ' +
          'enter, or install setpriv (package util-linux).'
      : `its programs do not run:\n${failures.join('\n')}`,
  );
}

/**
 * The ways that root tries, in order: first as the other user without capabilities. If a parent folder is closed to that
 * user, such as /root, then with the one capability that opens it: reading, or overriding if a container withholds reading.
 */
function launchersFor(user: ServerUser | null): Launcher[] {
  if (!user) return [{ prefix: [], ids: {} }];
  const { uid, gid } = user;
  return [
    { prefix: [], ids: { uid, gid } },
    withCapability('dac_read_search'),
    withCapability('dac_override'),
  ];

  function withCapability(capability: string): Launcher {
    const prefix = [
      ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
      [`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`],
      // PostgreSQL asks access() whether it can run its own programs, and access() ignores
      // capabilities unless this bit is set.
      ['--securebits=+no_setuid_fixup'],
    ].flat();
    return { prefix, ids: {} };
  }
}

/** Tries the same accesses as the server, since permissions have too many sources to compute them. */
async function tryLauncher(launcher: Launcher, binaries: Binaries, dataDir: string): Promise<string | null> {
  const script = 'cd "$1" && "$2" --version && "$3" --version && exec < "$4"';
  const words = [script, 'sh', dataDir, binaries.postgres, binaries.initdb, binaries.sample];
  const [command, ...args] = [...launcher.prefix, '/bin/sh', '-c', ...words] as [string, ...string[]];
  try {
    await run(command, args, { ...launcher.ids, cwd: '/', env: serverEnvironment });
    return null;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return (stderr ?? '').trim() || message;
  }
}
