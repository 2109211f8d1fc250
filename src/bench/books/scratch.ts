import { withClient } from '../../database/client.ts';
import { withDatabase } from '../../database/destination.ts';
import { loadConfig, type Config } from '../../config/load.ts';
import { startEmbeddedServer } from '../../embedded/server.ts';
import { migrateUp } from '../../migrations/runner.ts';

/** The database that is measured on. */
export const DATABASE = 'pincex_bench';

/**
 * Gives `work` a migrated database of its own on the configured server, or on the embedded one, and drops it
 * afterwards: what is measured never touches the books.
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
      // A killed run leaves its database behind. If another run is still under way, this fails and leaves it alone.
      await client.query(`DROP DATABASE IF EXISTS ${DATABASE}`);
      await client.query(`CREATE DATABASE ${DATABASE}`);
    });
    try {
      await withClient(url, (client) => migrateUp(client));
      // A replica has the configured database, and this one later or not at all.
      return await work({ ...config, database: { ...config.database, url, readUrl: null } });
    } finally {
      await withClient(serverUrl, (client) => client.query(`DROP DATABASE ${DATABASE} WITH (FORCE)`));
    }
  } finally {
    await server?.stop();
  }
}
