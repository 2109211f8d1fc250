import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/embedded/server.ts';
import { copyFolder, makeFolder, newDataDir, removeFolder, seededDataDir } from '../support/folders.ts';
import { until } from '../support/waiting.ts';
import { query } from './support.ts';

describe('a running embedded server', () => {
  let folder: string;
  let dataDir: string;
  let server: EmbeddedServer;
  beforeAll(async () => {
    folder = makeFolder('embedded');
    dataDir = path.join(folder, 'data');
    await copyFolder(inject('seedFolder'), dataDir);
    server = await startEmbeddedServer({ dataDir });
  });
  afterAll(async () => {
    await server.stop();
    removeFolder(folder);
  });

  it('an embedded server is a real PostgreSQL with a database pincex: UTF-8, compared bytewise, durable, on no network', async () => {
    const [row] = await query(
      server.url,
      `SELECT current_database() AS name, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS commit, current_setting('server_encoding') AS encoding,
              current_setting('listen_addresses') AS addresses,
              current_setting('unix_socket_directories') AS sockets,
              (SELECT datcollate FROM pg_database WHERE datname = 'pincex') AS locale`,
    );
    expect(row).toEqual({
      name: 'pincex',
      fsync: 'on',
      commit: 'on',
      encoding: 'UTF8',
      addresses: '',
      sockets: `"${path.join(dataDir, 'postgres.socket')}"`,
      locale: 'C',
    });
  });

  it('an embedded server lets in only those with its random password, which only its owner can read', async () => {
    expect(statSync(path.join(dataDir, 'postgres.socket')).mode & 0o777).toBe(0o700);
    const file = path.join(dataDir, 'postgres.password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const password = readFileSync(file, 'utf8');
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(server.url).toContain(`postgres:${password}@%2F`);
    for (const wrong of ['', 'postgres', 'password']) {
      await expect(query(server.url.replace(password, wrong), 'SELECT')).rejects.toThrow(/password/);
    }
  });
});

/** The files in a data folder while no server runs: none of them disturbs a server on a copy of the folder. */
const FILES_AT_REST = ['postgres', 'postgres.log', 'postgres.log.1', 'postgres.password'];

describe('the embedded server', () => {
  it('the embedded server has another password at each start, and one for all who use it meanwhile', async () => {
    const dataDir = await seededDataDir();
    const passwordIn = (url: string): string => new URL(url).password;
    const before = readFileSync(path.join(dataDir, 'postgres.password'), 'utf8');
    const first = await startEmbeddedServer({ dataDir });
    const guest = await startEmbeddedServer({ dataDir });
    expect(passwordIn(guest.url)).toBe(passwordIn(first.url));
    expect(passwordIn(first.url)).not.toBe(before);
    await expect(query(first.url.replace(passwordIn(first.url), before), 'SELECT')).rejects.toThrow('28P01');
    await Promise.all([first.stop(), guest.stop()]);
    const second = await startEmbeddedServer({ dataDir });
    expect(passwordIn(second.url)).not.toBe(passwordIn(first.url));
    await second.stop();
  });

  it.each([
    ['had not yet learnt the new password', (now: string) => ({ password: now, next: 'f'.repeat(48) })],
    [
      'had learnt it and the password file was not yet replaced',
      (now: string) => ({ password: 'f'.repeat(48), next: now }),
    ],
  ])(
    'a start works after the process that renewed the password was killed when the server %s',
    async (_, left) => {
      const dataDir = await seededDataDir();
      const file = path.join(dataDir, 'postgres.password');
      const { password, next } = left(readFileSync(file, 'utf8'));
      writeFileSync(file, password);
      writeFileSync(`${file}.next`, next);
      const server = await startEmbeddedServer({ dataDir });
      await query(server.url, 'SELECT FROM accounts');
      await server.stop();
      expect(readdirSync(dataDir)).not.toContain('postgres.password.next');
    },
  );

  it('the embedded server listens on a port, for this machine only, when its folder cannot have a socket', async () => {
    const dataDir = path.join(newDataDir(), 'long '.repeat(30));
    const server = await startEmbeddedServer({ dataDir });
    expect(server.url).toContain('@127.0.0.1:');
    expect(await query(server.url, `SELECT current_setting('listen_addresses') AS addresses`)).toEqual([
      { addresses: '127.0.0.1' },
    ]);
    expect((await startEmbeddedServer({ dataDir })).startedHere).toBe(false);
    await server.stop();
  });

  it('the first start reports that it creates the data folder and then starts PostgreSQL', async () => {
    const progress: string[] = [];
    const server = await startEmbeddedServer({
      dataDir: newDataDir(),
      onProgress: (message) => progress.push(message),
    });
    expect(server.startedHere).toBe(true);
    expect(progress).toEqual(['creating the PostgreSQL data folder', 'starting PostgreSQL']);
    await server.stop();
  });

  it('the embedded server keeps its data from one start to the next', async () => {
    const dataDir = await seededDataDir();
    const first = await startEmbeddedServer({ dataDir });
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    const second = await startEmbeddedServer({ dataDir });
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  it('one server is shared by all who start it on one folder, and ends with the last of them', async () => {
    const dataDir = await seededDataDir();
    const [a, b] = await Promise.all([startEmbeddedServer({ dataDir }), startEmbeddedServer({ dataDir })]);
    expect([a.startedHere, b.startedHere].sort()).toEqual([false, true]);
    expect(a.url).toBe(b.url);
    const [starter, guest] = a.startedHere ? [a, b] : [b, a];
    await starter.stop();
    expect(await query(guest.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await guest.stop();
    await expect(query(guest.url, 'SELECT')).rejects.toThrow('ENOENT');
    expect(readdirSync(dataDir).sort()).toEqual(FILES_AT_REST);
  });

  it('stop() can be called twice, and the second call spares a server that was started since', async () => {
    const dataDir = await seededDataDir();
    const first = await startEmbeddedServer({ dataDir });
    await Promise.all([first.stop(), first.stop()]);
    const second = await startEmbeddedServer({ dataDir });
    await first.stop();
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.stop();
  });

  it('a server whose folder was deleted while it ran can be stopped', async () => {
    const dataDir = await seededDataDir();
    const server = await startEmbeddedServer({ dataDir });
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 20 });
    await server.stop();
    await expect(query(server.url, 'SELECT')).rejects.toThrow('ENOENT');
  });

  it('a server can be stopped while transactions are open', async () => {
    const server = await startEmbeddedServer({ dataDir: await seededDataDir() });
    const sleeping = expect(query(server.url, 'SELECT pg_sleep(600)')).rejects.toThrow(
      /administrator command/,
    );
    await until('the transaction to be open', async () => {
      const sleepers = `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
      return (await query(server.url, sleepers)).length > 0;
    });
    await server.stop();
    await sleeping;
  });

  it('a start is not disturbed by PostgreSQL variables of the environment', async () => {
    const names = ['PGDATA', 'PGPORT', 'PGHOST', 'PGUSER', 'PGDATABASE', 'LC_ALL', 'LANG'];
    for (const name of names) vi.stubEnv(name, 'nonsense');
    try {
      const server = await startEmbeddedServer({ dataDir: newDataDir() });
      await server.stop();
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('the log of this start and of the one before are kept, and no more', async () => {
    // The seeded folder already has the log of its first start.
    const dataDir = await seededDataDir();
    for (let start = 2; start <= 3; start++) await (await startEmbeddedServer({ dataDir })).stop();
    for (const log of ['postgres.log', 'postgres.log.1']) {
      const text = readFileSync(path.join(dataDir, log), 'utf8');
      expect(text.match(/starting PostgreSQL/g)).toHaveLength(1);
    }
    expect(existsSync(path.join(dataDir, 'postgres.log.2'))).toBe(false);
  });

  it('a server runs in a folder whose path is long and has spaces, quotes and umlauts, and makes the folder with its parents', async () => {
    const dataDir = path.join(newDataDir(), `it's "mine" $HOME Bücher`, 'long '.repeat(30));
    const server = await startEmbeddedServer({ dataDir });
    expect((await startEmbeddedServer({ dataDir })).startedHere).toBe(false);
    await server.stop();
  });
});
