import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { newDataDir, seededDataDir } from '../support/folders.ts';

describe('a start that fails', () => {
  it('a start with a bad configuration fails with the last lines of the log and names DATABASE_URL', async () => {
    const dataDir = await seededDataDir();
    writeFileSync(path.join(dataDir, 'postgres', 'postgresql.conf'), 'shared_bufers = 1\n');
    await expect(startEmbeddedServer({ dataDir })).rejects.toMatchObject({
      code: 'server_not_startable',
      message: expect.stringMatching(
        /^The embedded PostgreSQL server does not start: [^]*unrecognized configuration parameter "shared_bufers"[^]*DATABASE_URL/,
      ) as string,
    });
    expect(existsSync(path.join(dataDir, 'postgres.lock'))).toBe(false);
  });

  it('a start whose password file is gone fails and names the missing file', async () => {
    const dataDir = await seededDataDir();
    rmSync(path.join(dataDir, 'postgres.password'));
    await expect(startEmbeddedServer({ dataDir })).rejects.toThrow(/postgres\.password is missing/);
  });

  it('a start whose data folder cannot be made fails and leaves alone the file in its place', async () => {
    const dataDir = newDataDir();
    writeFileSync(dataDir, 'a file');
    await expect(startEmbeddedServer({ dataDir })).rejects.toMatchObject({ code: 'server_not_startable' });
    expect(readFileSync(dataDir, 'utf8')).toBe('a file');
  });
});
