import { spawn } from 'node:child_process';
import type { Lifeline } from './lifeline.ts';
import { serverEnvironment, type Launcher } from '../system/launcher.ts';

/**
 * Runs a program until it ends or until nobody holds the pipe at descriptor 3 any more. Then the program gets SIGINT:
 * PostgreSQL's fast shutdown; again and again, since a shell starts what runs beside it with SIGINT ignored, and a
 * program that has only just begun does not hear the first one. Whoever comes to use it says so with a line in the
 * pipe, which goes to descriptor 4.
 */
const SCRIPT = `
"$@" 3<&- 4>&- & program=$!
trap 'kill -INT $program 2>/dev/null' HUP INT TERM
{
  while read -r line <&3; do printf '%s\\n' "$line" >&4; done
  while kill -INT $program 2>/dev/null; do sleep 1 3<&- 4>&-; done
} & watcher=$!
while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
kill $watcher 2>/dev/null
wait $watcher
exit $code
`;

/** A program that ends with the last process that uses it, at the latest. */
export interface Supervised {
  /** Fulfilled with the exit code once the program has ended; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Lets this process end without waiting for the program. */
  unref(): void;
}

/**
 * Starts a program in a session of its own: the Ctrl-C of a terminal must not reach it before us.
 *
 * @param log - the descriptor of the file that takes what the program prints.
 */
export function supervise(
  launcher: Launcher,
  program: readonly string[],
  log: number,
  { reader, users }: Lifeline,
): Supervised {
  const [command, ...args] = [...launcher.prefix, '/bin/sh', '-c', SCRIPT, 'sh', ...program] as [
    string,
    ...string[],
  ];
  const child = spawn(command, args, {
    ...launcher.ids,
    cwd: '/',
    env: serverEnvironment,
    detached: true,
    stdio: ['ignore', log, log, reader, users],
  });
  return {
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    }),
    unref() {
      child.unref();
    },
  };
}
