import { describe, expect, it } from 'vitest';
import { newDataDir, seededDataDir } from '../support/folders.ts';
import { query, startHolder } from './support.ts';

describe('processes that start the same folder at once', () => {
  it.each([
    ['was made before', seededDataDir],
    ['was not made before', newDataDir],
  ])('get one server where the folder %s: one starts it, the others use it', async (_, makeDataDir) => {
    const dataDir = await makeDataDir();
    const holders = Array.from({ length: 3 }, () => startHolder(dataDir));
    const said = await Promise.all(holders.map((holder) => holder.next()));
    expect(said.filter(({ startedHere }) => startedHere)).toHaveLength(1);
    expect(new Set(said.map(({ url }) => url)).size).toBe(1);
    for (const { url } of said) await query(url!, 'SELECT');
  });
});

describe('where the process that started a server ends', () => {
  it('the next one to start takes over', async () => {
    const dataDir = await seededDataDir();
    const first = startHolder(dataDir);
    await first.next();
    const second = startHolder(dataDir);
    expect(await second.next()).toMatchObject({ startedHere: false });
    await first.kill('SIGKILL');
    const third = startHolder(dataDir);
    expect(await third.next()).toMatchObject({ startedHere: true });
  });
});
