import { withClient } from '../database/client.ts';
import { migrateUp, migrationStatus } from './runner.ts';
import { requireApplied } from './states.ts';

/** How long the server may take, in milliseconds. */
interface Bounds {
  readonly connectionTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/**
 * Makes sure that the schema is that of this version. The embedded server is Pincex's own to migrate; a server of the
 * operator's is only checked.
 *
 * @throws PincexError `migration_failed`, `database_unavailable`
 */
export function prepareSchema(url: string, isOwn: boolean, bounds: Bounds): Promise<void> {
  const config = {
    connectionString: url,
    connectionTimeoutMillis: bounds.connectionTimeoutMs,
    // A migration takes as long as it takes; a look at the history does not.
    ...(!isOwn && { query_timeout: bounds.statementTimeoutMs }),
  };
  return withClient(config, async (client) => {
    if (isOwn) await migrateUp(client);
    requireApplied(await migrationStatus(client));
  });
}
