import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { notStartable } from '../failure.ts';
import { isRunning, myself } from './identity.ts';

/** The longest wait for the lock: its holder may be creating the data folder, or waiting for a crashed server to recover. */
const LONGEST_WAIT_MS = 10 * 60_000;

/** A lock file without a name is stale after this time, since its owner writes the name at once or is dead. */
const NAMELESS_MS = 5_000;

/**
 * Runs `work` while no other process runs it under the same lock file. The lock of a process that
 * died is broken.
 *
 * @param onWait - called once, with the holder, if another process has the lock.
 * @throws PincexError `server_not_startable` after ten minutes of waiting.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  onWait?: (holder: string) => void,
): Promise<T> {
  const deadline = Date.now() + LONGEST_WAIT_MS;
  for (let waited = false; !create(file); waited = true) {
    const holder = holderOf(file);
    if (holder === 'dead') breakLock(file);
    else if (Date.now() > deadline) throw notStartable(`process ${holder} has held ${file} for ten minutes.`);
    else {
      if (!waited) onWait?.(holder);
      await sleep(20);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function create(file: string): boolean {
  try {
    writeFileSync(file, myself(), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function holderOf(file: string): string {
  try {
    const holder = readFileSync(file, 'utf8');
    if (holder === '') return Date.now() - statSync(file).mtimeMs > NAMELESS_MS ? 'dead' : 'unknown';
    return isRunning(holder) ? holder : 'dead';
  } catch {
    // The lock was released meanwhile.
    return 'unknown';
  }
}

/**
 * Removes the lock of a dead process. If two processes find it, the second must not remove the new lock of the first. The
 * process that removes the lock therefore holds a guard and looks again.
 */
function breakLock(file: string): void {
  const guard = `${file}.breaking`;
  if (!create(guard)) {
    if (holderOf(guard) === 'dead') rmSync(guard, { force: true });
    return;
  }
  try {
    if (holderOf(file) === 'dead') rmSync(file, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}
