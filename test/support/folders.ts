import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { inject, onTestFinished } from 'vitest';

/** Memory that looks like a folder, on Linux. What tests write there costs no disk, and need not last. */
const IN_MEMORY = '/dev/shm';
/** What a whole run keeps at the same time, several times over. */
const ROOM_BYTES = 4 * 1024 ** 3;

/** Where tests make their folders: in memory where that has room, else where temporary files go. */
const parent = hasRoom(IN_MEMORY) ? IN_MEMORY : os.tmpdir();

/**
 * Makes a folder that other users can enter: root starts PostgreSQL as one of them. Who calls removes it.
 */
export function makeFolder(name: string): string {
  const folder = mkdtempSync(path.join(parent, `pincex-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}

export function removeFolder(folder: string): void {
  // A server that is ending may still write to it.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
}

/** A folder that goes with the test. */
export function temporaryFolder(name = 'test'): string {
  const folder = makeFolder(name);
  onTestFinished(() => {
    removeFolder(folder);
  });
  return folder;
}

/** Copies a folder with all that it is: owners, rights, times. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

/** A data folder that is not there yet, in a folder that goes with the test. */
export function newDataDir(): string {
  return path.join(temporaryFolder('data'), 'data');
}

/** The data folder of an embedded server with the books, which has yet to be started. It goes with the test. */
export async function seededDataDir(): Promise<string> {
  const dataDir = newDataDir();
  await copyFolder(inject('seedFolder'), dataDir);
  return dataDir;
}

function hasRoom(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > ROOM_BYTES;
  } catch {
    return false;
  }
}
