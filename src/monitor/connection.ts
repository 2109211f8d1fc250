import type pg from 'pg';
import { withClient } from '../database/client.ts';

/** How long a report may take, and thus delay `close`, in milliseconds. */
const TIMEOUT_MS = 5_000;

/**
 * Runs `work` on a short connection of its own: figures must get through when the pool is exhausted, and must not add to the
 * statements of a batch.
 *
 * @throws PincexError
 */
export function withOwnConnection<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const config = {
    connectionString: url,
    application_name: 'pincex statistics',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  };
  return withClient(config, work);
}
