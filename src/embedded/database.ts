import pg from 'pg';

const DATABASE = 'pincex';

/** The URL of a database of the embedded server. */
export function urlOf(port: number, password: string, database = DATABASE): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
}

/** Creates the database where it is not there yet. */
export async function ensureDatabase(port: number, password: string): Promise<void> {
  await withClient(urlOf(port, password, 'postgres'), async (client) => {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  });
}

/** Whether the server takes connections; false while it starts or stops. */
export async function answers(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.query('SELECT'));
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    // Refused or cut off on the way, or told "shutting down" or "starting up" by the server.
    if (/^(ECONNREFUSED|ECONNRESET|EPIPE|57P0\d)$/.test(code)) return false;
    throw error;
  }
}

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  // A server that stops right now also tells so outside of any query, which would be thrown otherwise.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end();
  }
}
