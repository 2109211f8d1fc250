import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { promisify } from 'node:util';
import type { ServerFiles } from '../files.ts';

/**
 * A named pipe tells a server whether anybody uses it. Each process that does holds it open for writing, and the
 * supervisor of the server reads from it. The operating system closes what a process held, however that ends, SIGKILL
 * included; with the last one the supervisor reads the end of the pipe and ends the server. So no handler of ours sits
 * in the host application, and a server outlives the process that started it for as long as others need it.
 */
const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants;

/** The descriptors that a process holds while it starts a server. It has to close them itself. */
export interface Lifeline {
  /** Its own end: while it is open, the server stays. */
  readonly held: number;
  /** The descriptors that the supervisor inherits: one reads the pipe, the other notes the processes that came. */
  readonly reader: number;
  readonly users: number;
}

/** Makes a new pipe, with us as its first user. */
export async function makeLifeline(files: ServerFiles): Promise<Lifeline> {
  removeLifeline(files);
  await promisify(execFile)('mkfifo', ['-m', '600', files.lifeline]);
  // A pipe opens for writing only once somebody reads it. The supervisor's own reader has to be one that waits.
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
  // The server has removed the socket in it.
  fs.rmSync(files.socket, { recursive: true, force: true });
}

/** Whether a supervisor still runs there. */
export function isWatched(files: ServerFiles): boolean {
  const descriptor = openToWrite(files.lifeline);
  if (descriptor !== null) fs.closeSync(descriptor);
  return descriptor !== null;
}

/** Somebody who has come to use a server that runs already. */
export interface Entrance {
  readonly held: number;
  /**
   * Whether the supervisor knows of us. One that had read the end of the pipe before we opened it ends the server all
   * the same, and says nothing any more.
   */
  isNoticed(): boolean;
}

/** Null where nobody watches the server. */
export function enter(files: ServerFiles): Entrance | null {
  const held = openToWrite(files.lifeline);
  if (held === null) return null;
  const name = `${process.pid} ${randomUUID()}`;
  fs.writeSync(held, `${name}\n`);
  return { held, isNoticed: () => fs.readFileSync(files.users, 'utf8').includes(`${name}\n`) };
}

/** Whether `held` is an end of the pipe that stands there now, and not of an earlier one. */
export function isCurrent(files: ServerFiles, held: number): boolean {
  const now = fs.statSync(files.lifeline, { throwIfNoEntry: false });
  const ours = fs.fstatSync(held);
  return now?.ino === ours.ino && now.dev === ours.dev;
}

/** Whether any process, this one included, holds the pipe. */
export function hasUsers(files: ServerFiles): boolean {
  const descriptor = fs.openSync(files.lifeline, O_RDONLY | O_NONBLOCK);
  try {
    // The pipe holds lines that were not read yet: only the last one matters.
    while (fs.readSync(descriptor, Buffer.alloc(512)) > 0);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true;
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Null where nobody reads. */
function openToWrite(file: string): number | null {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFIFO() !== true) return null;
  try {
    return fs.openSync(file, O_WRONLY | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return null;
    throw error;
  }
}
