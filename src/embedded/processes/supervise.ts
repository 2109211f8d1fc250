import { spawn } from 'node:child_process';
import type { Lifeline } from './lifeline.ts';
import { serverEnvironment, type Launcher } from '../system/launcher.ts';

/**
 * A supervisor: it runs a program until the program ends, or until no process holds the pipe at descriptor 3 any more. The
 * program then gets SIGINT, the fast shutdown of PostgreSQL. The signal is repeated, since a shell starts background programs
 * with SIGINT ignored, and a program that has just begun may miss the first one. A process that comes to use the program
 * writes a line into the pipe, which the supervisor copies to descriptor 4.
 *
 * The watcher is ended with SIGKILL: if the program ends at once, the watcher may not have dropped the trap of its shell yet, and
 * would survive SIGTERM. The supervisor would then wait for it for ever.
 */
const SCRIPT = `
"$@" 3<&- 4>&- & program=$!
trap 'kill -INT $program 2>/dev/null' HUP INT TERM
{
  while read -r line <&3; do printf '%s\\n' "$line" >&4; done
  while kill -INT $program 2>/dev/null; do sleep 1 3<&- 4>&-; done
} & watcher=$!
wait $program; code=$?
while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
kill -KILL $watcher 2>/dev/null
wait $watcher 2>/dev/null
exit $code
`;

/** A program that ends at the latest with the last process that uses it. */
export interface Supervised {
  /** Resolves with the exit code once the program has ended; null if a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Allows this process to end before the program. */
  unref(): void;
}

/**
 * Starts a program in a session of its own, so that a terminal's Ctrl-C does not reach it before this process.
 *
 * @param log - the descriptor of the file for the output of the program.
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
