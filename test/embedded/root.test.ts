import { execFileSync } from 'node:child_process';
import { chownSync, cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { newDataDir, removeFolder, seededDataDir } from '../support/folders.ts';
import { installProject, isRoot, postmasterPid, query, startHolder } from './support.ts';

if (!isRoot) console.warn('Skipped: tests of a server that root starts (these tests do not run as root).');

describe.skipIf(!isRoot)('a server that root starts', () => {
  it('a server that root starts runs as an unprivileged user, and needs no capability in folders that others can enter', async () => {
    const dataDir = newDataDir();
    const server = await startEmbeddedServer({ dataDir });
    // No account has this user id, so nobody else's processes run as it.
    const { uid, gid } = statSync(path.join(dataDir, 'postgres'));
    expect(gid).toBe(uid);
    expect(() => execFileSync('id', ['-u', String(uid)], { stdio: 'pipe' })).toThrow(/no such user/);
    if (process.platform === 'linux') {
      const status = statusOf(dataDir);
      expect(status['Uid']).toBe(String(statSync(path.join(dataDir, 'postgres')).uid));
      // This checkout may lie in a folder that others cannot enter, such as root's home: then the server has one
      // capability to enter it.
      const allowed = canOthersEnter(import.meta.dirname) ? [0n] : [1n << 1n, 1n << 2n];
      expect(allowed).toContain(BigInt(`0x${status['CapEff']!}`));
    }
    await server.stop();
  });

  it('data that root has copied is given to the unprivileged user', async () => {
    const original = await seededDataDir();
    const copy = newDataDir();
    cpSync(original, copy, { recursive: true });
    expect(statSync(path.join(copy, 'postgres')).uid).toBe(0);
    const copied = await startEmbeddedServer({ dataDir: copy });
    await query(copied.url, 'SELECT FROM accounts');
    await copied.stop();
    expect(statSync(path.join(copy, 'postgres')).uid).not.toBe(0);
  });
});

it.skipIf(!isRoot)(
  'data that belongs to the user nobody is given to a user of its own when root starts the server',
  async () => {
    const dataDir = await seededDataDir();
    const cluster = path.join(dataDir, 'postgres');
    const nobody = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));
    for (const name of readdirSync(cluster, { recursive: true, encoding: 'utf8' })) {
      chownSync(path.join(cluster, name), nobody, nobody);
    }
    chownSync(cluster, nobody, nobody);
    const server = await startEmbeddedServer({ dataDir });
    await query(server.url, 'SELECT FROM accounts');
    await server.stop();
    expect([0, nobody]).not.toContain(statSync(cluster).uid);
  },
);

describe.skipIf(!isRoot || process.platform !== 'linux')(
  'a server that root starts in a project that others cannot enter',
  () => {
    let project: string;
    let program: string;

    beforeAll(async () => {
      ({ project, program } = await installProject());
      expect(statSync(project).mode & 0o777).toBe(0o700);
    });
    afterAll(() => {
      removeFolder(project);
    });

    it.each([
      ['dac_read_search', [], 1n << 2n],
      // Docker gives root no dac_read_search.
      [
        'dac_override, where root has no dac_read_search',
        ['setpriv', '--bounding-set=-dac_read_search'],
        1n << 1n,
      ],
    ])(
      'the server enters the project by one capability and has no other: %s',
      async (_, through, capability) => {
        const dataDir = path.join(project, '.pincex');
        const holder = startHolder(dataDir, { program, through });
        const { url, error } = await holder.next();
        expect(error).toBeUndefined();
        expect(await query(url!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        // The collation loads a library at run time and reads a file of the package.
        await query(
          url!,
          'CREATE COLLATION IF NOT EXISTS de (provider = icu, locale = $$de$$)'.replaceAll('$$', "'"),
        );
        const status = statusOf(dataDir);
        expect(status['Uid']).not.toBe('0');
        expect(BigInt(`0x${status['CapEff']!}`)).toBe(capability);
        expect(BigInt(`0x${status['CapPrm']!}`)).toBe(capability);
        await holder.kill('SIGTERM');
      },
    );

    it('when root has neither capability, the error names the remedies', async () => {
      const through = ['setpriv', '--bounding-set=-dac_read_search,-dac_override'];
      const holder = startHolder(path.join(project, 'other'), { program, through });
      const { code, error } = await holder.next();
      expect(code).toBe('server_not_startable');
      expect(error).toMatch(/cannot reach[^]*chmod o\+x[^]*PINCEX_DATA_DIR[^]*setpriv[^]*DATABASE_URL/);
    });
  },
);

/** Whether a user without rights of its own can pass through every folder down to this one. */
function canOthersEnter(folder: string): boolean {
  const parent = path.dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || canOthersEnter(parent));
}

/** The status of the server's process as the kernel shows it; of several ids the first. */
function statusOf(dataDir: string): Record<string, string> {
  const text = readFileSync(`/proc/${postmasterPid(dataDir)}/status`, 'utf8');
  return Object.fromEntries(
    text.split('\n').map((line): [string, string] => {
      const [name = '', value = ''] = line.split(/:?\s+/);
      return [name, value];
    }),
  );
}
