import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The folders in which programs are looked for: PATH, and the folders of servers, which PATH may lack. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];

/** The path of a program, or null if this machine does not have it. */
export function findProgram(name: string): string | null {
  for (const folder of FOLDERS) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** The commands by which package managers install without asking. Homebrew refuses root, the others require it. */
const MANAGERS = [
  { program: 'apt-get', needsRoot: true, steps: [['update'], ['install', '-y', '--no-install-recommends']] },
  { program: 'dnf', needsRoot: true, steps: [['install', '-y']] },
  { program: 'brew', needsRoot: false, steps: [['install']] },
];

/**
 * Installs packages that tests need, if there is a package manager that this user may run. Otherwise the tests that
 * need them are skipped, and say so.
 */
export async function install(packages: readonly string[]): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const manager = MANAGERS.find(
    ({ program, needsRoot }) => needsRoot === isRoot && findProgram(program) !== null,
  );
  if (manager === undefined) return;
  const { program, steps } = manager;
  try {
    for (const [n, step] of steps.entries()) {
      await run(program, n === steps.length - 1 ? [...step, ...packages] : step, {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    }
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    console.warn(`${program} could not install ${packages.join(', ')}: ${stderr.trim()}`);
  }
}
