import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../src/embedded/lock.ts';
import { temporaryFolder } from '../support/folders.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder('lock');
  file = path.join(folder, 'lock');
});

describe('a lock file', () => {
  it('is held by one at a time, and is gone afterwards', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(2);
      inside--;
    };
    await Promise.all(Array.from({ length: 20 }, () => withLock(file, work)));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is gone after a failure too, which is passed on', async () => {
    await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of a dead process is broken by one of those who wait', async () => {
    writeFileSync(file, '999999999@1');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(2);
      inside--;
    };
    await Promise.all(Array.from({ length: 20 }, () => withLock(file, work)));
    expect(most).toBe(1);
  });

  it('without a name is left alone while its maker may still write it, then broken', async () => {
    writeFileSync(file, '');
    let entered = false;
    const later = withLock(file, () => {
      entered = true;
      return Promise.resolve();
    });
    await sleep(100);
    expect(entered).toBe(false);
    utimesSync(file, 0, 0);
    await later;
    expect(entered).toBe(true);
  });

  it('tells once whom it waits for', async () => {
    const holders: string[] = [];
    const first = withLock(file, () => sleep(100));
    await withLock(
      file,
      () => Promise.resolve(),
      (holder) => holders.push(holder),
    );
    await first;
    expect(holders).toEqual([expect.stringMatching(new RegExp(`^${process.pid}@`))]);
  });
});
