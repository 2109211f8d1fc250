import { withClient } from '../../database/client.ts';
import { withDatabase } from '../../database/connection/destination.ts';
import { loadConfig, type Config } from '../../config/load.ts';
import { startEmbeddedServer } from '../../embedded/server.ts';
import { migrateUp } from '../../migrations/runner.ts';

/** The name of the database for measurements. */
export const DATABASE = 'pincex_bench';

/**
 * Runs `work` with a migrated database of its own on the configured server, or on the embedded one, and drops it afterwards,
 * so that measurements never touch the books.
 */
export async function withScratchDatabase<Result>(
  work: (config: Config) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig();
  const server = config.database.url === null ? await startEmbeddedServer({ dataDir: config.dataDir }) : null;
  try {
    const serverUrl = config.database.url ?? server?.url ?? '';
    const url = withDatabase(serverUrl, DATABASE);
    await withClient(serverUrl, async (client) => {
      // Drops the database of a killed run. While another run uses the database, this fails.
      await client.query(`DROP DATABASE IF EXISTS ${DATABASE}`);
      await client.query(`CREATE DATABASE ${DATABASE}`);
    });
    try {
      await withClient(url, (client) => migrateUp(client));
      // A replica may not have this database yet, or never have it.
      return await work({ ...config, database: { ...config.database, url, readUrl: null } });
    } finally {
      await withClient(serverUrl, (client) => client.query(`DROP DATABASE ${DATABASE} WITH (FORCE)`));
    }
  } finally {
    await server?.stop();
  }
}
