import pg from 'pg';
import { readOnly, rethrow, told, unconnected } from './failures.ts';

/**
 * A connection of its own, beside the pool. The caller ends it.
 *
 * @throws PincexError `database_unavailable`, `database_refused`
 */
export async function connect(config: string | pg.ClientConfig): Promise<pg.Client> {
  try {
    // Reads the certificates that the URL names.
    const client = new pg.Client(config);
    // A connection that breaks fails the statement that is on it. The event that the driver raises besides would
    // end the process if nobody listened.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  } catch (error) {
    throw unconnected(error);
  }
}

/**
 * Whether a connection is one session of PostgreSQL: the process that answers is the one that took the connection.
 * A pooler such as PgBouncer makes a number up, since each transaction may be answered by another process.
 */
export async function isSession(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client
    .query<{ pid: number | string }>('SELECT pg_backend_pid() AS pid')
    .catch(rethrow);
  const { processID } = client as pg.ClientBase & { readonly processID?: number | null };
  return Number(rows[0]?.pid) === processID;
}

/**
 * Asks whether the server at the other end takes writes: a standby takes none, nor does one that was told so.
 *
 * @throws PincexError `database_unavailable`
 */
export async function requireWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client
    .query<{ standby: string; setting: string }>(
      `SELECT pg_is_in_recovery()::text AS standby, current_setting('default_transaction_read_only') AS setting`,
    )
    .catch((error: unknown) => {
      throw unconnected(error);
    });
  if (rows[0]?.standby === 'true') throw readOnly('it is a standby');
  if (rows[0]?.setting === 'on') throw readOnly('default_transaction_read_only is on');
}

/**
 * Runs `work` on a connection of its own.
 *
 * @throws PincexError what PostgreSQL says, and whatever else `work` throws
 */
export async function withClient<Result>(
  config: string | pg.ClientConfig,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect(config);
  try {
    return await work(client);
  } catch (error) {
    throw told(error);
  } finally {
    await client.end();
  }
}
