import type pg from 'pg';
import { withClient } from '../database/client.ts';
import { AS_TEXT, type Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';

/** How long a connection and each statement may take, and thus delay `close`, in milliseconds. */
const TIMEOUT_MS = 5_000;

/**
 * Runs `work` on a short connection of its own: figures must get through when the pool is exhausted, and must not add to the
 * statements of a batch.
 *
 * @param applicationName the name of the connection in `pg_stat_activity`
 * @throws PincexError
 */
export function withOwnConnection<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
  applicationName = 'pincex statistics',
): Promise<Result> {
  const config = {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  };
  return withClient(config, work);
}

/** A session on such a connection. Its statements have no names, so that no prepared one stays behind in a pooler's session. */
export const sessionOn = (client: pg.ClientBase): Session => ({
  query: async <Row>({ text }: Statement, values?: readonly (string | null)[]) =>
    (await client.query({ text, types: AS_TEXT, ...(values && { values: [...values] }) })).rows as Row[],
});
