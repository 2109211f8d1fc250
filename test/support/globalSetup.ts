import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedServer } from '../../src/embedded/server.ts';
import { defaultFolder } from '../../src/migrations/files.ts';
import { migrateUp } from '../../src/migrations/runner.ts';
import { findProgram, install } from './programs.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of a superuser's database on the server of this test run. */
    serverUrl: string;
    /** A database with all migrations, from which each test file's own is copied. */
    templateDatabase: string;
  }
}

/** Starts one server for the whole run, or takes that of PINCEX_TEST_DATABASE_URL. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await provideServers();
  const given = process.env['PINCEX_TEST_DATABASE_URL'];
  const server = given ? { url: given, stop: () => Promise.resolve() } : await startTemporaryServer();
  const template = `pincex_template_${process.pid}`;
  try {
    await makeTemplate(server.url, template);
  } catch (error) {
    await server.stop();
    throw error;
  }
  project.provide('serverUrl', server.url);
  project.provide('templateDatabase', template);
  return async () => {
    await query(server.url, `DROP DATABASE ${template}`);
    await server.stop();
  };
}

/** Servers that tests start for themselves, and the packages that they come in. */
const SERVERS = { 'redis-server': 'redis', pgbouncer: 'pgbouncer' };

/** Where a server is missing and cannot be installed, its tests are skipped; PINCEX_TEST_ALL takes that for a failure. */
async function provideServers(): Promise<void> {
  const missing = () => Object.entries(SERVERS).filter(([program]) => findProgram(program) === null);
  if (missing().length > 0) await install(missing().map(([, name]) => name));
  if (missing().length === 0) return;
  const names = missing().map(([program]) => program);
  const message = `${names.join(' and ')} cannot be found: the tests that need them are skipped`;
  if (process.env['PINCEX_TEST_ALL']) throw new Error(message);
  console.warn(message);
}

async function startTemporaryServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'pincex-test-'));
  // Root starts the server as another user, who must be able to enter.
  chmodSync(dataDir, 0o755);
  const server = await startEmbeddedServer({ dataDir });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function makeTemplate(serverUrl: string, template: string): Promise<void> {
  await query(serverUrl, `DROP DATABASE IF EXISTS ${template}`);
  await query(serverUrl, `CREATE DATABASE ${template}`);
  if (!existsSync(defaultFolder)) return;
  const url = new URL(serverUrl);
  url.pathname = template;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await migrateUp(client);
  } finally {
    await client.end();
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
