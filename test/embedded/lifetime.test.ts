import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRunning, identify } from '../../src/embedded/processes/identity.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { seededDataDir } from '../support/folders.ts';
import { until } from '../support/waiting.ts';
import { childrenOf, parentOf, postmasterPid, query, startHolder } from './support.ts';

/** Resolves once the server of this process id has ended. */
async function gone(pid: number): Promise<void> {
  await until('the server to end', () => identify(pid) === null);
}

describe('the server ends with the process that uses it', () => {
  it('killed by SIGKILL; what was committed is there at the next start', async () => {
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

  it('killed by SIGKILL, and is there for one that comes at once, while the old server may still stop', async () => {
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
    'ended by %s, which still does to a host application what it always does',
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

  it('ended since it had nothing more to do: the server does not keep it alive', async () => {
    const dataDir = await seededDataDir();
    const holder = startHolder(dataDir, { mode: 'finish' });
    const exit = once(holder.child, 'exit');
    await holder.next();
    expect(await exit).toEqual([0, null]);
    await until('the server to end', () => !existsSync(path.join(dataDir, 'postgres', 'postmaster.pid')));
  });

  it('ended by an exception', async () => {
    const dataDir = await seededDataDir();
    const holder = startHolder(dataDir, { mode: 'throw' });
    const exit = once(holder.child, 'exit');
    await holder.next();
    expect(await exit).toEqual([1, null]);
    await until('the server to end', () => !existsSync(path.join(dataDir, 'postgres', 'postmaster.pid')));
  });

  it('and not before it: Ctrl-C in the terminal reaches the application only', async () => {
    const dataDir = await seededDataDir();
    // A group of its own, as a shell gives to what it starts; the terminal signals the whole group.
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

describe.skipIf(process.platform !== 'linux')('where the supervisor was killed too', () => {
  it('the next start stops the server that nobody watches, and starts its own', async () => {
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

  it('stop() still stops the server', async () => {
    const dataDir = await seededDataDir();
    const server = await startEmbeddedServer({ dataDir });
    const postmaster = identify(postmasterPid(dataDir))!;
    process.kill(parentOf(postmasterPid(dataDir))!, 'SIGKILL');
    await server.stop();
    expect(isRunning(postmaster)).toBe(false);
  });

  it('and no process is left once the server has ended', async () => {
    const dataDir = await seededDataDir();
    const server = await startEmbeddedServer({ dataDir });
    const supervisor = parentOf(postmasterPid(dataDir))!;
    const all = [supervisor, ...childrenOf(supervisor), ...childrenOf(postmasterPid(dataDir))];
    expect(all.length).toBeGreaterThan(5);
    await server.stop();
    await until('all its processes to end', () => all.every((pid) => identify(pid) === null));
  });
});
