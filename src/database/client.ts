import pg from 'pg';
import { unavailable } from './failures.ts';

/**
 * A connection of its own, beside the pool. The caller ends it.
 *
 * @throws PincexError `database_unavailable`
 */
export async function connect(config: string | pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  // A connection that breaks fails the statement that is on it. The event that the driver raises besides would
  // end the process if nobody listened.
  client.on('error', () => undefined);
  await client.connect().catch((error: unknown) => {
    throw unavailable(error);
  });
  return client;
}

/** Runs `work` on a connection of its own. */
export async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
