import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { identify } from '../../src/embedded/processes.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { eventually, isRoot, newDataDir, postmasterPid, query, startHolder } from './support.ts';

async function expectWorkingServer(dataDir: string): Promise<void> {
  const server = await startEmbeddedServer({ dataDir });
  expect(server.startedHere).toBe(true);
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
}

describe('a start works', () => {
  it.each([0, 50, 150, 300, 450])(
    'after the first one was killed %d ms into making the data folder',
    async (delayMs) => {
      const dataDir = newDataDir();
      const holder = startHolder(dataDir);
      await holder.progress('creating');
      await sleep(delayMs);
      await holder.kill('SIGKILL');
      await expectWorkingServer(dataDir);
      expect(readdirSync(dataDir).filter((name) => name.includes('new'))).toEqual([]);
    },
  );

  it('where a half-made folder of any age was left behind', async () => {
    const dataDir = newDataDir();
    mkdirSync(path.join(dataDir, 'postgres.new-4711', 'base', '1'), { recursive: true });
    writeFileSync(path.join(dataDir, 'postgres.new-4711.password'), 'secret');
    await expectWorkingServer(dataDir);
    expect(readdirSync(dataDir).filter((name) => name.includes('new'))).toEqual([]);
  });

  it('where the data folder itself is incomplete; that one is put aside, not deleted', async () => {
    const dataDir = newDataDir();
    mkdirSync(path.join(dataDir, 'postgres'), { recursive: true });
    writeFileSync(path.join(dataDir, 'postgres', 'PG_VERSION'), '18\n');
    // Its password may be there already or not.
    writeFileSync(path.join(dataDir, 'postgres.password'), 'ab'.repeat(24));
    await expectWorkingServer(dataDir);
    const [aside] = readdirSync(dataDir).filter((name) => name.startsWith('postgres.incomplete-'));
    expect(readdirSync(path.join(dataDir, aside!))).toEqual(['PG_VERSION']);
  });

  it('after the server was killed in the middle of writes, with all that was committed', async () => {
    const dataDir = newDataDir();
    const server = await startEmbeddedServer({ dataDir });
    await query(server.url, 'CREATE TABLE kept (n int PRIMARY KEY)');
    const pid = postmasterPid(dataDir);
    let committed = 0;
    const writes = (async () => {
      for (;;) {
        await query(server.url, `INSERT INTO kept VALUES (${committed + 1})`);
        committed++;
      }
    })();
    const broken = expect(writes).rejects.toThrow();
    await eventually(() => committed > 20);
    process.kill(pid, 'SIGKILL');
    await broken;

    const next = await startEmbeddedServer({ dataDir });
    const [row] = await query<{ rows: number }>(next.url, 'SELECT count(*)::int AS rows FROM kept');
    expect(row!.rows).toBeGreaterThanOrEqual(committed);
    await next.stop();
  });

  it('where postmaster.pid names a process that is gone', async () => {
    const dataDir = newDataDir();
    await (await startEmbeddedServer({ dataDir })).stop();
    writePidFile(dataDir, await idOfDeadProcess());
    await expectWorkingServer(dataDir);
  });

  it('where postmaster.pid names another program of the same user, which is left alone', async () => {
    const dataDir = newDataDir();
    await (await startEmbeddedServer({ dataDir })).stop();
    const { uid, gid } = statSync(path.join(dataDir, 'postgres'));
    const other = spawn('sleep', ['600'], { stdio: 'ignore', ...(isRoot ? { uid, gid } : {}) });
    onTestFinished(() => {
      other.kill();
    });
    await eventually(() => other.pid !== undefined);
    writePidFile(dataDir, other.pid!);
    await expectWorkingServer(dataDir);
    expect(identify(other.pid!)).not.toBeNull();
  });

  it('where the lock, the starter and a broken lock-breaker were left by the dead', async () => {
    const dataDir = newDataDir();
    await (await startEmbeddedServer({ dataDir })).stop();
    const dead = await idOfDeadProcess();
    writeFileSync(path.join(dataDir, 'postgres.lock'), `${dead}@1`);
    writeFileSync(path.join(dataDir, 'postgres.lock.breaking'), `${dead}@1`);
    writeFileSync(path.join(dataDir, 'postgres.starter'), `${dead}@1`);
    await expectWorkingServer(dataDir);
    expect(readdirSync(dataDir).filter((name) => name.includes('lock'))).toEqual([]);
  });

  it('where the lock names a process id that another program has by now', async () => {
    const dataDir = newDataDir();
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(path.join(dataDir, 'postgres.lock'), `${process.pid}@1`);
    await expectWorkingServer(dataDir);
  });
});

describe('two processes that start the same folder at once', () => {
  it.each(['made', 'not made'])(
    'get one server: one starts it, the others use it (%s before)',
    async (state) => {
      const dataDir = newDataDir();
      if (state === 'made') await (await startEmbeddedServer({ dataDir })).stop();
      const holders = Array.from({ length: 4 }, () => startHolder(dataDir));
      const said = await Promise.all(holders.map((holder) => holder.next()));
      expect(said.filter(({ startedHere }) => startedHere)).toHaveLength(1);
      expect(new Set(said.map(({ url }) => url)).size).toBe(1);
      for (const { url } of said) await query(url!, 'SELECT');
    },
  );

  it('where the starter ends, the next one to start takes over', async () => {
    const dataDir = newDataDir();
    const first = startHolder(dataDir);
    await first.next();
    const second = startHolder(dataDir);
    expect(await second.next()).toMatchObject({ startedHere: false });
    await first.kill('SIGKILL');
    const third = startHolder(dataDir);
    expect(await third.next()).toMatchObject({ startedHere: true });
  });
});

describe('a start that cannot work', () => {
  it('says so with the last lines of the log and names DATABASE_URL', async () => {
    const dataDir = newDataDir();
    await (await startEmbeddedServer({ dataDir })).stop();
    writeFileSync(path.join(dataDir, 'postgres', 'postgresql.conf'), 'shared_bufers = 1\n');
    await expect(startEmbeddedServer({ dataDir })).rejects.toMatchObject({
      code: 'server_not_startable',
      message: expect.stringMatching(
        /^The embedded PostgreSQL server does not start: [^]*unrecognized configuration parameter "shared_bufers"[^]*DATABASE_URL/,
      ) as string,
    });
    expect(existsSync(path.join(dataDir, 'postgres.lock'))).toBe(false);
  });

  it('says which file is missing where the password is lost', async () => {
    const dataDir = newDataDir();
    await (await startEmbeddedServer({ dataDir })).stop();
    rmSync(path.join(dataDir, 'postgres.password'));
    await expect(startEmbeddedServer({ dataDir })).rejects.toThrow(/postgres\.password is missing/);
  });

  it('tells where the data folder cannot be made', async () => {
    const dataDir = newDataDir();
    mkdirSync(path.dirname(dataDir), { recursive: true });
    writeFileSync(dataDir, 'a file');
    await expect(startEmbeddedServer({ dataDir })).rejects.toMatchObject({ code: 'server_not_startable' });
    expect(readFileSync(dataDir, 'utf8')).toBe('a file');
  });
});

function writePidFile(dataDir: string, pid: number): void {
  const cluster = path.join(dataDir, 'postgres');
  const lines = [pid, cluster, 1_700_000_000, 5432, '', '127.0.0.1', '', 'ready   ', ''];
  writeFileSync(path.join(cluster, 'postmaster.pid'), lines.join('\n'), { mode: 0o600 });
}

async function idOfDeadProcess(): Promise<number> {
  const child = spawn('true');
  const { pid } = child;
  await eventually(() => child.exitCode !== null);
  return pid!;
}
