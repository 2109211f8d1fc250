import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/embedded/server.ts';
import { newDataDir } from '../support/folders.ts';
import { connected } from './support.ts';

/** A server on this folder, which ends with the test. */
export async function started(dataDir: string): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ dataDir });
  onTestFinished(() => server.stop());
  return server;
}

/** A server of the test's own, and a hot standby that streams from it. */
export async function startPair(): Promise<{ primary: string; standby: string }> {
  const [own, copy] = [newDataDir(), newDataDir()];
  const primary = await started(own);
  const client = await connected(primary.url);
  await client.query(`SELECT pg_backup_start('standby', true)`);
  mkdirSync(copy, { recursive: true });
  cpSync(own, copy, {
    recursive: true,
    // What belongs to the running server, and what says who may have started one here.
    filter: (file) => !/postmaster\.(pid|opts)$|postgres\.(lock|log|starter)/.test(file),
  });
  const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop()');
  const file = (name: string) => path.join(copy, 'postgres', name);
  writeFileSync(file('backup_label'), rows[0]!.labelfile);
  writeFileSync(file('standby.signal'), '');
  const password = readFileSync(path.join(own, 'postgres.password'), 'utf8').trim();
  appendFileSync(
    file('postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres password=${password} application_name=standby'\n`,
  );
  const standby = await started(copy);
  return { primary: primary.url, standby: standby.url };
}
