import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { serverEnvironment, type Way } from './way.ts';

/**
 * Runs a program until it ends or until the other side of descriptor 3 closes, which the operating
 * system does when the process that started it ends, however it ends, SIGKILL included. Then the
 * program gets SIGINT: PostgreSQL's fast shutdown. So no handler of ours sits in the host application.
 */
const SCRIPT = `
"$@" 3<&- & program=$!
trap 'kill -INT $program 2>/dev/null' HUP INT TERM
{ read -r line <&3; kill -INT $program 2>/dev/null; } & watcher=$!
while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
kill $watcher 2>/dev/null
wait $watcher
exit $code
`;

/** A program that ends with this process at the latest. */
export interface Supervised {
  /** Fulfilled with the exit code once the program has ended; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Lets this process end without waiting for the program. */
  unref(): void;
  /** Tells the program to end, as the end of this process would. */
  end(): void;
}

/**
 * Starts a program in a session of its own: the Ctrl-C of a terminal must not reach it before us.
 *
 * @param log - the descriptor of the file that takes what the program prints.
 */
export function supervise(way: Way, program: readonly string[], log: number): Supervised {
  const [command, ...args] = [...way.prefix, '/bin/sh', '-c', SCRIPT, 'sh', ...program] as [
    string,
    ...string[],
  ];
  const child = spawn(command, args, {
    ...way.ids,
    cwd: '/',
    env: serverEnvironment,
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
  });
  // Node's types do not tell that a pipe is a socket.
  const lifeline = child.stdio[3] as Socket | undefined;
  // Nothing is ever sent; that the other side has gone is told by `ended`.
  lifeline?.on('error', () => undefined);
  return {
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    }),
    unref() {
      child.unref();
      lifeline?.unref();
    },
    end() {
      lifeline?.destroy();
    },
  };
}
