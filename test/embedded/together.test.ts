import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { identify } from '../../src/embedded/processes/identity.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { newDataDir, seededDataDir } from '../support/folders.ts';
import { startPincex } from '../support/processes.ts';
import { until } from '../support/waiting.ts';
import { postmasterPid, query, startHolder } from './support.ts';

describe('processes that start the same folder at once', () => {
  it.each([
    ['was made before', seededDataDir],
    ['was not made before', newDataDir],
  ])(
    'processes that start one folder at once share one server, which one of them starts, when the folder %s',
    async (_, makeDataDir) => {
      const dataDir = await makeDataDir();
      const holders = Array.from({ length: 3 }, () => startHolder(dataDir));
      const said = await Promise.all(holders.map((holder) => holder.next()));
      expect(said.filter(({ startedHere }) => startedHere)).toHaveLength(1);
      expect(new Set(said.map(({ url }) => url)).size).toBe(1);
      for (const { url } of said) await query(url!, 'SELECT');
    },
  );
});

describe('a server that several processes use', () => {
  async function twoHolders() {
    const dataDir = await seededDataDir();
    const starter = startHolder(dataDir);
    const { url } = await starter.next();
    const guest = startHolder(dataDir);
    expect(await guest.next()).toMatchObject({ startedHere: false, url });
    return { dataDir, url: url!, pid: postmasterPid(dataDir), starter, guest };
  }

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'a server whose starter was ended by %s is still found by other processes, and ends with the last of them',
    async (signal) => {
      const { dataDir, url, pid, starter, guest } = await twoHolders();
      await starter.kill(signal);
      const third = startHolder(dataDir);
      expect(await third.next()).toMatchObject({ startedHere: false, url });
      await guest.kill('SIGKILL');
      await query(url, 'SELECT');
      await third.kill(signal);
      await until('the server to end', () => identify(pid) === null);
    },
  );

  it('a server is not stopped by one process that is done with it while another uses it', async () => {
    const { dataDir, url, starter } = await twoHolders();
    const server = await startEmbeddedServer({ dataDir });
    await starter.kill('SIGKILL');
    await server.stop();
    await query(url, 'SELECT');
  });

  it('a process never gets a server that is about to end, whenever its last user is killed', async () => {
    const dataDir = await seededDataDir();
    let last = startHolder(dataDir);
    await last.next();
    for (let round = 0; round < 8; round++) {
      const next = startHolder(dataDir);
      // The kill comes before, while or after the next process looks for a server.
      await sleep(50 * round);
      await last.kill('SIGKILL');
      const { url } = await next.next();
      await query(url!, 'SELECT pg_sleep(0.2)');
      last = next;
    }
  });
});

describe('commands that run at once on one folder', () => {
  it('commands that run at once all do their work, whichever started the server and whichever ends first', async () => {
    const env = { PINCEX_DATA_DIR: newDataDir() };
    const commands = [
      ['currencies'],
      ['audit'],
      ['currencies', 'add', 'OWN', '5'],
      ['migrate', 'status'],
      ['sweep'],
    ];
    const runs = await Promise.all(commands.map((args) => startPincex(args, { env }).ended));
    expect(runs.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
      commands.map(() => ({ exitCode: 0, stderr: '' })),
    );
    expect((await startPincex(['currencies'], { env }).ended).stdout).toMatch(/^OWN +5$/m);
  });
});
