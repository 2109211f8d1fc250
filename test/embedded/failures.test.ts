import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { newDataDir, seededDataDir } from '../support/folders.ts';

describe('a start that cannot work', () => {
  it('says so with the last lines of the log and names DATABASE_URL', async () => {
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

  it('says which file is missing where the password is lost', async () => {
    const dataDir = await seededDataDir();
    rmSync(path.join(dataDir, 'postgres.password'));
    await expect(startEmbeddedServer({ dataDir })).rejects.toThrow(/postgres\.password is missing/);
  });

  it('tells where the data folder cannot be made', async () => {
    const dataDir = newDataDir();
    writeFileSync(dataDir, 'a file');
    await expect(startEmbeddedServer({ dataDir })).rejects.toMatchObject({ code: 'server_not_startable' });
    expect(readFileSync(dataDir, 'utf8')).toBe('a file');
  });
});
