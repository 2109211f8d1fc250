import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.ts';
import { notStartable } from '../failure.ts';
import type { ServerUser } from './user.ts';

const run = promisify(execFile);

/** How PostgreSQL's programs are started: as which user, and by which command before theirs. */
export interface Launcher {
  readonly prefix: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

/**
 * Nothing of the caller's environment reaches the server: PG… variables and locales would change what
 * it does. Memory that a statement freed, up to 32 MB a connection, stays for the next one: by default glibc gives
 * it back after each, and the page faults of asking anew took a fifth of a batch of 50 locks.
 */
export const serverEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'],
  LC_ALL: 'C',
  MALLOC_MMAP_THRESHOLD_: `${32 * 1024 * 1024}`,
  MALLOC_TRIM_THRESHOLD_: `${32 * 1024 * 1024}`,
};

/**
 * Finds how `user` can run the programs and enter the data folder.
 *
 * @throws PincexError `server_not_startable` where there is none.
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
 * Root first tries plainly as the other user. If a parent folder is closed to that user (a project under /root, say), it
 * tries with the one capability that lets the user in: reading, or overriding if a container withholds reading.
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

/** Does what the server will do, since only that tells: permissions have too many sources to compute. */
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
