import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { promisify } from 'node:util';
import type { ServerFiles } from '../files.ts';

/**
 * A named pipe tells the supervisor of a server whether any process uses the server. Each such process holds the pipe open
 * for writing, and the supervisor reads from it. The operating system closes the pipe of a process that ends, even by
 * SIGKILL; after the last one the supervisor reads the end of the pipe and stops the server. The host application therefore
 * needs no exit handler, and a server outlives the process that started it for as long as others use it.
 */
const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;

/** The descriptors of a process that starts a server, which has to close them. */
export interface Lifeline {
  /** The write end of this process: while it is open, the server keeps running. */
  readonly held: number;
  /** The descriptors that the supervisor inherits: one reads the pipe, the other records the processes that came. */
  readonly reader: number;
  readonly users: number;
}

/** Makes a new pipe, with this process as its first user. */
export async function makeLifeline(files: ServerFiles): Promise<Lifeline> {
  removeLifeline(files);
  await promisify(execFile)('mkfifo', ['-m', '600', files.lifeline]);
  // A pipe can be opened for writing only if a process reads it. The reader of the supervisor must be a blocking one.
  const first = fs.openSync(files.lifeline, O_RDONLY | O_NONBLOCK);
  try {
    const held = fs.openSync(files.lifeline, O_WRONLY);
    const reader = fs.openSync(files.lifeline, O_RDONLY);
    return { held, reader, users: fs.openSync(files.users, 'w', 0o600) };
  } finally {
    fs.closeSync(first);
  }
}

export function removeLifeline(files: ServerFiles): void {
  fs.rmSync(files.lifeline, { force: true });
  fs.rmSync(files.users, { force: true });
  // The folder is empty: the server has removed its socket.
  fs.rmSync(files.socket, { recursive: true, force: true });
}

/** Whether a supervisor still reads the pipe. */
export function isWatched(files: ServerFiles): boolean {
  const descriptor = openToWrite(files.lifeline);
  if (descriptor !== null) fs.closeSync(descriptor);
  return descriptor !== null;
}

/** The registration of this process with a server that runs already. */
export interface Entrance {
  readonly held: number;
  /**
   * Whether the supervisor has recorded this process. If it had read the end of the pipe before this process opened it, it
   * stops the server and records nothing.
   */
  isNoticed(): boolean;
}

/** Registers this process as a user of the server; null if no supervisor runs. */
export function enter(files: ServerFiles): Entrance | null {
  const held = openToWrite(files.lifeline);
  if (held === null) return null;
  const name = `${process.pid} ${randomUUID()}`;
  fs.writeSync(held, `${name}\n`);
  return { held, isNoticed: () => fs.readFileSync(files.users, 'utf8').includes(`${name}\n`) };
}

/** Whether `held` belongs to the current pipe, and not to an earlier one with the same name. */
export function isCurrent(files: ServerFiles, held: number): boolean {
  const now = fs.statSync(files.lifeline, { throwIfNoEntry: false });
  const ours = fs.fstatSync(held);
  return now?.ino === ours.ino && now.dev === ours.dev;
}

/** Whether any process, this one included, holds the pipe. */
export function hasUsers(files: ServerFiles): boolean {
  const descriptor = fs.openSync(files.lifeline, O_RDONLY | O_NONBLOCK);
  try {
    // Skips unread lines: only the result of the last read tells whether a process holds the pipe.
    while (fs.readSync(descriptor, Buffer.alloc(512)) > 0);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true;
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Opens the pipe for writing; null if no process reads it. */
function openToWrite(file: string): number | null {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFIFO() !== true) return null;
  try {
    return fs.openSync(file, O_WRONLY | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return null;
    throw error;
  }
}
