import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a process ended, and what it said. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of this repository, as a process of its own. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface RunOptions {
  /** Over the environment of the tests, from which nothing that configures Pincex is taken. */
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

const tsx = import.meta.resolve('tsx');
const root = fileURLToPath(new URL('../../', import.meta.url));

/** Starts a TypeScript program of the repository, by its path in it. */
export function start(
  program: string,
  args: readonly string[],
  { env = {}, cwd = root }: RunOptions = {},
): Running {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('PINCEX') && !name.startsWith('VITEST') && name !== 'DATABASE_URL',
  );
  const child = spawn(process.execPath, ['--import', tsx, `${root}${program}`, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), NODE_OPTIONS: '', ...env },
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

/** Runs the command line as a user would, to its end. */
export function pincexCli(args: readonly string[], options?: RunOptions): Promise<Ended> {
  return start('src/cli/main.ts', args, options).ended;
}
