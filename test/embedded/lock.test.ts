import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { withLock } from '../../src/embedded/processes/lock.ts';
import { temporaryFolder } from '../support/folders.ts';
import { gate, until } from '../support/waiting.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder('lock');
  file = path.join(folder, 'lock');
});

/** The greatest number of callers that held the lock at the same time, of several that want it at once. */
async function mostAtOnce(): Promise<number> {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    inside--;
  };
  await Promise.all(Array.from({ length: 12 }, () => withLock(file, work)));
  return most;
}

/** Holds the time of day until the test sets it. A caller that waits for a lock reads the time at each look. */
function timeOfDay(start: number): { set(time: number): void; looks(): number } {
  let time = start;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => time);
  onTestFinished(() => {
    spy.mockRestore();
  });
  return { set: (next) => (time = next), looks: () => spy.mock.calls.length };
}

describe('a lock file', () => {
  it('a lock is held by one caller at a time, and its file is gone afterwards', async () => {
    expect(await mostAtOnce()).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a lock is released when the work under it fails, and the failure is passed on', async () => {
    await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('the lock of a dead process is broken by exactly one of those who wait for it', async () => {
    writeFileSync(file, '999999999@1');
    expect(await mostAtOnce()).toBe(1);
  });

  it('a lock file without a name is left alone while its maker may still write it, and is broken after five seconds', async () => {
    writeFileSync(file, '');
    const made = statSync(file).mtimeMs;
    const time = timeOfDay(made + 4_999);
    let entered = false;
    const later = withLock(file, () => {
      entered = true;
      return Promise.resolve();
    });
    const looks = time.looks();
    await until('several looks at the file', () => time.looks() > looks + 5);
    expect(entered).toBe(false);
    expect(existsSync(file)).toBe(true);
    time.set(made + 5_001);
    await later;
    expect(entered).toBe(true);
  });

  it('a caller that waits for a lock is told only once which process holds it', async () => {
    const time = timeOfDay(Date.now());
    const holders: string[] = [];
    const free = gate();
    const first = withLock(file, () => free.opened);
    const second = withLock(
      file,
      () => Promise.resolve(),
      (holder) => holders.push(holder),
    );
    const looks = time.looks();
    await until('several looks at the file', () => time.looks() > looks + 5);
    free.open();
    await Promise.all([first, second]);
    expect(holders).toEqual([expect.stringMatching(new RegExp(`^${process.pid}@`))]);
  });
});
