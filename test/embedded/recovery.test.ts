import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { identify } from '../../src/embedded/processes/identity.ts';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { newDataDir, seededDataDir } from '../support/folders.ts';
import { until } from '../support/waiting.ts';
import { isRoot, postmasterPid, query, startHolder } from './support.ts';

async function expectWorkingServer(dataDir: string): Promise<void> {
  const server = await startEmbeddedServer({ dataDir });
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
}

/** Whether the data folder holds the whole cluster, or a cluster in the making that already has this file. */
function isMadeUpTo(dataDir: string, file: string): boolean {
  if (existsSync(path.join(dataDir, 'postgres'))) return true;
  return readdirSync(dataDir).some(
    (name) => /^postgres\.new-\d+$/.test(name) && existsSync(path.join(dataDir, name, 'postgres', file)),
  );
}

describe('a start after a killed first start', () => {
  it.each([
    ['when it had only announced that it makes the data folder', () => true],
    ['when the data folder had no database yet', (dataDir: string) => isMadeUpTo(dataDir, 'PG_VERSION')],
    // initdb makes template1, template0 (4) and postgres (5), in this order.
    ['when the data folder had its last database', (dataDir: string) => isMadeUpTo(dataDir, 'base/5')],
    [
      'when the data folder was already in its place',
      (dataDir: string) => existsSync(path.join(dataDir, 'postgres')),
    ],
  ])('a start works after the first one was killed %s', async (_, isSoFar) => {
    const dataDir = newDataDir();
    const holder = startHolder(dataDir);
    await holder.progress('creating');
    await until('the data folder to be so far', () => isSoFar(dataDir));
    await holder.kill('SIGKILL');
    await expectWorkingServer(dataDir);
    expect(readdirSync(dataDir).filter((name) => name.includes('new'))).toEqual([]);
  });
});

describe('a start on what was left behind', () => {
  it('a start works where a half-made data folder was left behind, and removes it', async () => {
    const dataDir = await seededDataDir();
    mkdirSync(path.join(dataDir, 'postgres.new-4711', 'base', '1'), { recursive: true });
    writeFileSync(path.join(dataDir, 'postgres.new-4711.password'), 'secret');
    await expectWorkingServer(dataDir);
    expect(readdirSync(dataDir).filter((name) => name.includes('new'))).toEqual([]);
  });

  it('a start works where the data folder is incomplete, and puts that one aside instead of deleting it', async () => {
    const dataDir = newDataDir();
    mkdirSync(path.join(dataDir, 'postgres'), { recursive: true });
    writeFileSync(path.join(dataDir, 'postgres', 'PG_VERSION'), '18\n');
    // The password may be there or not; here it is.
    writeFileSync(path.join(dataDir, 'postgres.password'), 'ab'.repeat(24));
    await expectWorkingServer(dataDir);
    const [aside] = readdirSync(dataDir).filter((name) => name.startsWith('postgres.incomplete-'));
    expect(readdirSync(path.join(dataDir, aside!))).toEqual(['PG_VERSION']);
  });

  it('after the server was killed in the middle of writes, the next start has every committed row', async () => {
    const dataDir = await seededDataDir();
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
    await until('some writes', () => committed > 20);
    process.kill(pid, 'SIGKILL');
    await broken;

    const next = await startEmbeddedServer({ dataDir });
    const [row] = await query<{ rows: number }>(next.url, 'SELECT count(*)::int AS rows FROM kept');
    expect(row!.rows).toBeGreaterThanOrEqual(committed);
    await next.stop();
  });

  it('a start works where postmaster.pid names a process that is gone', async () => {
    const dataDir = await seededDataDir();
    writePidFile(dataDir, await idOfDeadProcess());
    await expectWorkingServer(dataDir);
  });

  it('a start works where postmaster.pid names another program of the same user, and leaves that program alone', async () => {
    const dataDir = await seededDataDir();
    const { uid, gid } = statSync(path.join(dataDir, 'postgres'));
    const other = spawn('sleep', ['600'], { stdio: 'ignore', ...(isRoot ? { uid, gid } : {}) });
    onTestFinished(() => {
      other.kill();
    });
    await until('the other program to run', () => other.pid !== undefined);
    writePidFile(dataDir, other.pid!);
    await expectWorkingServer(dataDir);
    expect(identify(other.pid!)).not.toBeNull();
  });

  it('a start works where dead processes left the lock, the guard of its breaker and the pipe of its users', async () => {
    const dataDir = await seededDataDir();
    const dead = await idOfDeadProcess();
    writeFileSync(path.join(dataDir, 'postgres.lock'), `${dead}@1`);
    writeFileSync(path.join(dataDir, 'postgres.lock.breaking'), `${dead}@1`);
    execFileSync('mkfifo', [path.join(dataDir, 'postgres.lifeline')]);
    await expectWorkingServer(dataDir);
    expect(readdirSync(dataDir).filter((name) => name.includes('lock'))).toEqual([]);
  });

  it('a start works where the lock names a process id that another program has by now', async () => {
    const dataDir = await seededDataDir();
    writeFileSync(path.join(dataDir, 'postgres.lock'), `${process.pid}@1`);
    await expectWorkingServer(dataDir);
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
  await until('the process to end', () => child.exitCode !== null);
  return pid!;
}
