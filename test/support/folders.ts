import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { inject, onTestFinished } from 'vitest';

/** A file system in memory, on Linux: files of tests need no disk there. */
const IN_MEMORY = '/dev/shm';
/** Several times the space that a whole run needs at the same time. */
const ROOM_BYTES = 4 * 1024 ** 3;

/** The parent of all folders of tests: in memory if that has room, else the folder of temporary files. */
const parent = hasRoom(IN_MEMORY) ? IN_MEMORY : os.tmpdir();

/**
 * Makes a folder that other users can enter, since root starts PostgreSQL as another user. The caller removes it.
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

/** A folder that is removed when the test has finished. */
export function temporaryFolder(name = 'test'): string {
  const folder = makeFolder(name);
  onTestFinished(() => {
    removeFolder(folder);
  });
  return folder;
}

/** Copies a folder with its owners, permissions and times. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

/** The path of a data folder that does not exist yet, in a folder that is removed when the test has finished. */
export function newDataDir(): string {
  return path.join(temporaryFolder('data'), 'data');
}

/** The data folder of an embedded server with the books that was not started yet; removed when the test has finished. */
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
