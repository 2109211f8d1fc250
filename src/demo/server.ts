import pg from 'pg';
import { withClient } from '../database/client.ts';
import { startEmbeddedServer, type EmbeddedServer } from '../embedded/server.ts';
import { PincexError } from '../errors.ts';

/**
 * Starts a server for the demo only, without the data of an earlier demo.
 *
 * @throws PincexError `server_not_startable`, also while another demo runs in the same folder
 */
export async function startDemoServer(
  dataDir: string,
  onProgress: (message: string) => void,
): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ dataDir, onProgress });
  if (!server.startedHere) {
    await server.stop();
    throw new PincexError('server_not_startable', `Another demo runs in ${dataDir}; wait until it is done`);
  }
  try {
    await recreateDatabase(server.url);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

function recreateDatabase(url: string): Promise<void> {
  const maintenance = new URL(url);
  const name = pg.escapeIdentifier(maintenance.pathname.slice(1));
  maintenance.pathname = 'postgres';
  return withClient(maintenance.href, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name}`);
  });
}
