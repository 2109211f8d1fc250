import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/embedded/server.ts';
import { migrateUp } from '../../src/migrations/runner.ts';
import { withClient } from '../../src/database/client.ts';
import { copyFolder, makeFolder, removeFolder } from './folders.ts';
import { findProgram, install } from './programs.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of a superuser's database on the server of this test run. */
    serverUrl: string;
    /** A database with all migrations, from which the database of each test file is copied. */
    templateDatabase: string;
    /** The data folder of an embedded server with the books that does not run: tests copy it and never use it. */
    seedFolder: string;
  }
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Starts one server for the whole run, or uses that of PINCEX_TEST_DATABASE_URL. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await providePrograms();
  await buildWhereStale();
  const folder = makeFolder('run');
  const seed = path.join(folder, 'seed');
  const given = process.env['PINCEX_TEST_DATABASE_URL'];
  const template = `pincex_template_${process.pid}`;
  let server: Pick<EmbeddedServer, 'url' | 'stop'> | undefined;
  const end = async (): Promise<void> => {
    await server?.stop();
    removeFolder(folder);
  };
  try {
    await makeSeed(seed);
    server = given
      ? { url: given, stop: () => Promise.resolve() }
      : await startCopy(seed, path.join(folder, 'server'));
    await makeTemplate(server.url, template);
  } catch (error) {
    await end();
    throw error;
  }
  const { url } = server;
  project.provide('serverUrl', url);
  project.provide('templateDatabase', template);
  project.provide('seedFolder', seed);
  return async () => {
    await query(url, `DROP DATABASE ${template}`);
    await end();
  };
}

/** The programs that tests start, and the packages that contain them. */
const PROGRAMS = {
  'redis-server': 'redis',
  pgbouncer: 'pgbouncer',
  prometheus: 'prometheus',
  chromium: 'chromium',
};

/** If a program is missing and cannot be installed, its tests are skipped; with PINCEX_TEST_ALL the run fails instead. */
async function providePrograms(): Promise<void> {
  const missing = () => Object.entries(PROGRAMS).filter(([program]) => findProgram(program) === null);
  // One by one: a package manager that lacks a package installs none of the same call.
  for (const [, name] of missing()) await install([name]);
  if (missing().length === 0) return;
  const names = missing().map(([program]) => program);
  const message = `${names.join(' and ')} cannot be found: the tests that need them are skipped`;
  if (process.env['PINCEX_TEST_ALL']) throw new Error(message);
  console.warn(message);
}

/** Builds `dist/`, from which tests start `pincex` as users do, if a source is younger. */
async function buildWhereStale(): Promise<void> {
  // The last file of a build.
  const built = statSync(path.join(root, 'dist/page/index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ['src', 'page'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true }),
  );
  const youngest = Math.max(
    ...sources.map(({ parentPath, name }) => statSync(path.join(parentPath, name)).mtimeMs),
  );
  if (youngest > built) await promisify(execFile)('npm', ['run', 'build'], { cwd: root });
}

async function makeSeed(dataDir: string): Promise<void> {
  const server = await startEmbeddedServer({ dataDir });
  try {
    await withClient(server.url, migrateUp);
  } finally {
    await server.stop();
  }
}

async function startCopy(seed: string, dataDir: string): Promise<EmbeddedServer> {
  await copyFolder(seed, dataDir);
  return startEmbeddedServer({ dataDir, listens: 'tcp' });
}

async function makeTemplate(serverUrl: string, template: string): Promise<void> {
  await query(serverUrl, `DROP DATABASE IF EXISTS ${template}`);
  await query(serverUrl, `CREATE DATABASE ${template}`);
  const url = new URL(serverUrl);
  url.pathname = template;
  await withClient(url.href, migrateUp);
}

function query(url: string, sql: string): Promise<unknown> {
  return withClient(url, (client) => client.query(sql));
}
