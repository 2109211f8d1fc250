import { withClient } from '../database/client.ts';
import { migrateUp, migrationStatus } from './runner.ts';
import { requireApplied } from './states.ts';

/** The timeouts of the server, in milliseconds. */
interface Bounds {
  readonly connectionTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/**
 * Makes sure that the schema is that of this version. The embedded server is migrated; a server of the operator's own is only
 * checked.
 *
 * @throws PincexError `migration_failed`, `database_unavailable`
 */
export function prepareSchema(url: string, isOwn: boolean, bounds: Bounds): Promise<void> {
  const config = {
    connectionString: url,
    connectionTimeoutMillis: bounds.connectionTimeoutMs,
    // A migration may run for any time; reading the history has a timeout.
    ...(!isOwn && { query_timeout: bounds.statementTimeoutMs }),
  };
  return withClient(config, async (client) => {
    if (isOwn) await migrateUp(client);
    requireApplied(await migrationStatus(client));
  });
}
