import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { startNode } from '../support/processes.ts';
import { usePacked } from './packed.ts';

/** The package as it is published, used by programs of several kinds. */

const packed = usePacked({ dependencies: true });

/** Makes a deposit through the library and again through the client, over a service of its own. */
const PROGRAM = `
  import { loadConfig, Pincex, startService } from 'pincex';
  import { PincexClient } from 'pincex/client';

  const config = loadConfig();
  const pincex = await Pincex.open({ config: { ...config, service: { ...config.service, port: 0 } } });
  const service = await startService(pincex);
  const { key } = await pincex.apiKeys.create({ name: 'program', scopes: ['funds:write'] });
  const client = new PincexClient({ url: service.url, key });
  const deposit = { id: 'd', userId: 'ann', currency: 'USD', amount: '1' };
  const { status } = await pincex.bookkeeper.deposit(deposit);
  const again = await client.batchDeposit([deposit]);
  console.log(status, again.results[0].status);
  await service.stop();
  await pincex.close();
`;

describe('the package', () => {
  it('the package works for a program that esbuild bundles with the package left external', async () => {
    await writeFile(path.join(packed.folder, 'program.mjs'), PROGRAM);
    await build({
      entryPoints: [path.join(packed.folder, 'program.mjs')],
      outfile: path.join(packed.folder, 'out/program.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['pincex'],
    });
    const database = await createTestDatabase();
    try {
      const env = { DATABASE_URL: database.url };
      const run = await startNode(['out/program.mjs'], { cwd: packed.folder, env }).ended;
      expect(run).toEqual({ exitCode: 0, stdout: 'applied replayed\n', stderr: '' });
    } finally {
      await database.drop();
    }
  });

  it('the package can be required by CommonJS', async () => {
    const program = `
      const { Pincex, startService } = require('pincex');
      const { PincexClient } = require('pincex/client');
      const { watchPool } = require('pincex/n-plus-one');
      console.log(typeof Pincex.open, typeof startService, typeof PincexClient, typeof watchPool);`;
    await writeFile(path.join(packed.folder, 'program.cjs'), program);
    const run = await startNode(['program.cjs'], { cwd: packed.folder }).ended;
    expect(run).toMatchObject({ exitCode: 0, stdout: 'function function function function\n' });
  });

  it('the client of the package is bundled whole for browsers', async () => {
    const program =
      "import { PincexClient } from 'pincex/client'; globalThis.made = new PincexClient({ url: 'http://a', key: '' });";
    await writeFile(path.join(packed.folder, 'browser.mjs'), program);
    const { outputFiles } = await build({
      entryPoints: [path.join(packed.folder, 'browser.mjs')],
      bundle: true,
      platform: 'browser',
      format: 'iife',
      write: false,
    });
    expect(outputFiles[0]!.text).not.toMatch(/\brequire\(|\bimport\(/);
  });

  it("the links in the package's documents lead to files and headings in the package", () => {
    const documents = readdirSync(packed.package, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.md') && !name.startsWith('node_modules'),
    );
    expect(documents).toContain('README.md');
    expect(documents).toContain(path.join('docs', 'http.md'));
    expect(documents.flatMap(deadLinks)).toEqual([]);
  });
});

/** Links of a document to files that do not exist, or to headings that those files do not have. */
function deadLinks(document: string): string[] {
  const links = [...readFileSync(path.join(packed.package, document), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)];
  return links
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [to = '', heading] = link.split('#');
      const file = path.join(
        packed.package,
        path.dirname(document),
        to === '' ? path.basename(document) : to,
      );
      if (!existsSync(file)) return true;
      return heading !== undefined && !headingsOf(file).includes(heading);
    })
    .map((link) => `${document}: ${link}`);
}

/** The headings of a document as links name them. */
function headingsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
