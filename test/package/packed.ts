import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { makeFolder, removeFolder } from '../support/folders.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** The folder of a user who has the package, as it would be published, in `node_modules`. */
export interface Packed {
  /** The folder of the program that uses it. */
  readonly folder: string;
  /** The folder of the package itself. */
  readonly package: string;
}

/** Packs the package once for a test file. */
export function usePacked({ dependencies }: { readonly dependencies: boolean }): Packed {
  let folder = '';
  beforeAll(async () => {
    folder = makeFolder('packed');
    const modules = path.join(folder, 'node_modules');
    await mkdir(modules);
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
    const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    await run('tar', ['-xzf', tarball], { cwd: folder });
    await rename(path.join(folder, 'package'), path.join(modules, 'pincex'));
    if (dependencies) await linkDependencies(path.join(modules, 'pincex'));
  });
  afterAll(() => {
    removeFolder(folder);
  });
  return {
    get folder() {
      return folder;
    },
    get package() {
      return path.join(folder, 'node_modules', 'pincex');
    },
  };
}

/** Links what `npm install` would install beside the package: its dependencies, without those for development. */
async function linkDependencies(to: string): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(path.join(to, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const link = path.join(to, 'node_modules', name);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(path.join(root, 'node_modules', name), link);
  }
}
