import { withClient } from '../database/client.ts';
import { failureOf } from '../database/failures.ts';
import type { Endpoint } from './system/endpoint.ts';

const DATABASE = 'pincex';

/**
 * The URL of a database of the embedded server. It says all that `PG…` variables would say otherwise, and that whoever
 * listens there has to know the password: once the server has died that may be any program of this machine.
 */
export function urlOf({ host, port }: Endpoint, password: string, database = DATABASE): string {
  return `postgres://postgres:${password}@${encodeURIComponent(host)}:${port}/${database}?sslmode=disable&require_auth=scram-sha-256&options=`;
}

/** Creates the database where it is not there yet. */
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
    // Nobody there, cut off on the way, or told "shutting down" or "starting up" by the server; not that it is full.
    const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
    if (['refused', 'disconnected'].includes(failureOf(error)) && !code.startsWith('53')) return false;
    throw error;
  }
}
