import { withClient } from '../database/client.ts';
import { failureOf } from '../database/failures.ts';
import type { Endpoint } from './system/endpoint.ts';

const DATABASE = 'pincex';

/**
 * The URL of a database of the embedded server. It sets all that `PG…` variables could otherwise change, and requires that the
 * server proves that it knows the password: after the server has died, any program of this machine may listen at its address.
 */
export function urlOf({ host, port }: Endpoint, password: string, database = DATABASE): string {
  return `postgres://postgres:${password}@${encodeURIComponent(host)}:${port}/${database}?sslmode=disable&require_auth=scram-sha-256&options=`;
}

/** Creates the database if it does not exist. */
export async function ensureDatabase(endpoint: Endpoint, password: string): Promise<void> {
  await withClient(urlOf(endpoint, password, 'postgres'), async (client) => {
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
    // The server does not listen, broke the connection, or is starting up or shutting down. Too many connections is no such
    // error.
    const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
    if (['refused', 'disconnected'].includes(failureOf(error)) && !code.startsWith('53')) return false;
    throw error;
  }
}
