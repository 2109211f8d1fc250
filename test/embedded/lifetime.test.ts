import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRunning, identify } from '../../src/embedded/processes/identity.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { seededDataDir } from '../support/folders.ts';
import { until } from '../support/waiting.ts';
import { childrenOf, parentOf, postmasterPid, query, startHolder } from './support.ts';

/** Resolves once the server with this process id has ended. */
async function gone(pid: number): Promise<void> {
  await until('the server to end', () => identify(pid) === null);
}

describe('the end of the process that uses the server', () => {
  it('the server ends after SIGKILL to its process, and the next start has all that was committed', async () => {
    const dataDir = await seededDataDir();
    const holder = startHolder(dataDir);
    const { url } = await holder.next();
    const pid = postmasterPid(dataDir);
    await query(url!, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    await holder.kill('SIGKILL');
    await gone(pid);
    await expect(query(url!, 'SELECT')).rejects.toThrow('ENOENT');

    const server = await startEmbeddedServer({ dataDir });
    expect(await query(server.url, 'SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 1000 }]);
    await server.stop();
  });

  it('a start right after SIGKILL works, while the old server may still be stopping', async () => {
    const dataDir = await seededDataDir();
    for (let round = 0; round < 2; round++) {
      const holder = startHolder(dataDir);
      const { url } = await holder.next();
      await query(url!, 'SELECT');
      await holder.kill('SIGKILL');
    }
    const server = await startEmbeddedServer({ dataDir });
    await query(server.url, 'SELECT');
    await server.stop();
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'the server ends when %s ends its process, to which the signal still does what it always does',
    async (signal) => {
      const dataDir = await seededDataDir();
      const holder = startHolder(dataDir);
      await holder.next();
      const pid = postmasterPid(dataDir);
      await holder.kill(signal);
      expect(holder.child.signalCode).toBe(signal);
      await gone(pid);
    },
  );

  it('the server does not keep alive a process with nothing more to do, and ends with it', async () => {
    const dataDir = await seededDataDir();
    const holder = startHolder(dataDir, { mode: 'finish' });
    const exit = once(holder.child, 'exit');
    await holder.next();
    expect(await exit).toEqual([0, null]);
    await until('the server to end', () => !existsSync(path.join(dataDir, 'postgres', 'postmaster.pid')));
  });

  it('the server ends when an exception ends its process', async () => {
    const dataDir = await seededDataDir();
    const holder = startHolder(dataDir, { mode: 'throw' });
    const exit = once(holder.child, 'exit');
    await holder.next();
    expect(await exit).toEqual([1, null]);
    await until('the server to end', () => !existsSync(path.join(dataDir, 'postgres', 'postmaster.pid')));
  });

  it('Ctrl-C in the terminal reaches only the application, and the server works until the application stops it', async () => {
    const dataDir = await seededDataDir();
    // The holder has a process group of its own, as a shell gives one to each job; the terminal signals the whole group.
    const holder = startHolder(dataDir, { mode: 'guard', detached: true });
    await holder.next();
    const pid = postmasterPid(dataDir);
    const exit = once(holder.child, 'exit');
    process.kill(-holder.child.pid!, 'SIGINT');
    expect(await holder.next()).toEqual({ answer: 2 });
    expect(await exit).toEqual([0, null]);
    expect(identify(pid)).toBeNull();
  });
});

describe.skipIf(process.platform !== 'linux')('the supervisor of the server', () => {
  it('when the process and the supervisor were both killed, the next start stops their server and starts its own', async () => {
    const dataDir = await seededDataDir();
    const holder = startHolder(dataDir);
    const { url } = await holder.next();
    await query(url!, 'CREATE TABLE kept ()');
    const pid = postmasterPid(dataDir);
    const supervisor = parentOf(pid)!;
    const watcher = childrenOf(supervisor).filter((child) => child !== pid);
    for (const process_ of [supervisor, ...watcher]) process.kill(process_, 'SIGKILL');
    await holder.kill('SIGKILL');
    expect(identify(pid)).not.toBeNull();

    const server = await startEmbeddedServer({ dataDir });
    expect(identify(pid)).toBeNull();
    expect(server.startedHere).toBe(true);
    await query(server.url, 'SELECT FROM kept');
    await server.stop();
  });

  it('stop() stops a server whose supervisor was killed', async () => {
    const dataDir = await seededDataDir();
    const server = await startEmbeddedServer({ dataDir });
    const postmaster = identify(postmasterPid(dataDir))!;
    process.kill(parentOf(postmasterPid(dataDir))!, 'SIGKILL');
    await server.stop();
    expect(isRunning(postmaster)).toBe(false);
  });

  it('stop() leaves neither the supervisor nor a process of the server behind', async () => {
    const dataDir = await seededDataDir();
    const server = await startEmbeddedServer({ dataDir });
    const supervisor = parentOf(postmasterPid(dataDir))!;
    const all = [supervisor, ...childrenOf(supervisor), ...childrenOf(postmasterPid(dataDir))];
    expect(all.length).toBeGreaterThan(5);
    await server.stop();
    await until('all its processes to end', () => all.every((pid) => identify(pid) === null));
  });
});
