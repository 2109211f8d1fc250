import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The exit code and the output of a process that has ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of this repository in a process of its own. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface RunOptions {
  /** Added to the environment of the tests, without the variables that configure Pincex. */
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** The arguments with which Node.js runs TypeScript. */
export const typescript: readonly string[] = ['--import', import.meta.resolve('tsx')];
const root = fileURLToPath(new URL('../../', import.meta.url));

/** Starts a TypeScript program of the repository, by its path in it. */
export function start(program: string, args: readonly string[], options?: RunOptions): Running {
  return startNode([...typescript, `${root}${program}`, ...args], options);
}

/** Starts the built `pincex` in a process of its own, as a user would. */
export function startPincex(args: readonly string[], options?: RunOptions): Running {
  return startNode([`${root}dist/cli/main.js`, ...args], options);
}

/** The environment of the tests without the variables that configure Pincex or were set by Vitest. */
export function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('PINCEX') && !name.startsWith('VITEST') && name !== 'DATABASE_URL',
    ),
  );
}

/** Starts Node.js, in the repository unless the caller names another folder. */
export function startNode(args: readonly string[], { env = {}, cwd = root }: RunOptions = {}): Running {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...cleanEnvironment(), NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject).once('close', (exitCode) => {
      resolve({ exitCode, stdout, stderr });
    });
  });
  return { child, ended };
}
