import type pg from 'pg';
import { limits } from '../limits.ts';
import { GuardedClient } from './authentication.ts';
import {
  readDestination,
  timePerHost,
  type Destination,
  type Host,
  type Proof,
  type SessionAttributes,
} from './destination.ts';
import {
  foreignSchema,
  leadsOn,
  noneServes,
  readOnly,
  refusesOptions,
  rethrow,
  toCallerError,
  unconnected,
  unwanted,
} from './failures.ts';
import { locally, startOptions, UNBOUNDED } from './settings.ts';

/** A connection, and what is at its other end. */
export interface Opened {
  readonly client: pg.Client;
  /** Which of the hosts of its URL. */
  readonly host: Host;
  /** Whether it is one session of PostgreSQL: see {@link isSession}. */
  readonly isSession: boolean;
}

/**
 * Makes a connection of its own, beside the pool, to the first host of its URL that serves and has the session that is
 * wanted. The caller ends it.
 *
 * @param wanted over what the URL wants of a session
 * @throws PincexError `database_unavailable`, `database_refused`, `invalid_configuration`
 */
export async function open(config: string | pg.ClientConfig, wanted?: SessionAttributes): Promise<Opened> {
  const { connectionString = '', ...given } =
    typeof config === 'string' ? { connectionString: config } : config;
  const destination = readDestination(connectionString);
  const wants = wanted ?? destination.wanted;
  const passes: readonly SessionAttributes[] = wants === 'prefer-standby' ? ['standby', 'any'] : [wants];
  const { hosts } = destination;
  const totalMs = given.connectionTimeoutMillis ?? limits.database.connectMs;
  const connectionTimeoutMillis = timePerHost(destination, totalMs);
  const failures: { host: Host; error: unknown }[] = [];
  for (const pass of passes) {
    for (const host of hosts) {
      try {
        return await openHost(host, destination, pass, { ...given, connectionTimeoutMillis });
      } catch (error) {
        if (!leadsOn(error)) throw error;
        failures.push({ host, error });
      }
    }
  }
  throw noneServes(failures.slice(-hosts.length));
}

/** PgBouncer refuses `options` unless it is told to ignore them. */
async function openHost(
  host: Host,
  { options, proof }: Destination,
  wanted: SessionAttributes,
  given: pg.ClientConfig,
): Promise<Opened> {
  const config = { ...given, connectionString: host.url };
  const client = await start({ ...config, options: startOptions(options, UNBOUNDED) }, proof).catch(
    (error: unknown) => {
      if (!refusesOptions(error)) throw error;
      return start({ ...config, ...(options && { options }) }, proof);
    },
  );
  try {
    const found = await look(client, given.connectionTimeoutMillis);
    requireFit(found, wanted);
    return { client, host, isSession: found.isSession };
  } catch (error) {
    // Nor is the end waited for of a connection that nobody answers.
    client.end().catch(() => undefined);
    throw unconnected(error);
  }
}

async function start(config: pg.ClientConfig, proof: Proof | undefined): Promise<pg.Client> {
  try {
    // Reads the certificates that the URL names.
    const client = new GuardedClient(config, proof);
    // A connection that breaks fails the statement that is on it. The event that the driver raises besides would
    // end the process if nobody listened.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  } catch (error) {
    throw unconnected(error);
  }
}

/** The server at the other end of a connection. */
interface Found {
  readonly isSession: boolean;
  readonly isStandby: boolean;
  /** Whether transactions are read-only there unless they say otherwise. */
  readonly isReadOnly: boolean;
  /** The schema in which tables are found and made; null if there is none. */
  readonly schema: string | null;
}

async function look(client: pg.ClientBase, timeoutMs?: number): Promise<Found> {
  const query = {
    text: `SELECT pg_backend_pid()::text AS pid, pg_is_in_recovery()::text AS standby,
        current_setting('default_transaction_read_only') AS read_only, current_schema() AS schema`,
    ...(timeoutMs !== undefined && { query_timeout: timeoutMs }),
  };
  const { rows } = await client.query<{
    pid: string;
    standby: string;
    read_only: string;
    schema: string | null;
  }>(query);
  const [row] = rows;
  return {
    isSession: isProcess(client, row?.pid),
    isStandby: row?.standby === 'true',
    isReadOnly: row?.read_only === 'on',
    schema: row?.schema ?? null,
  };
}

function requireFit({ isStandby, isReadOnly, schema }: Found, wanted: SessionAttributes): void {
  if ((wanted === 'read-write' || wanted === 'primary') && isStandby) throw readOnly('it is a standby');
  if (wanted === 'read-write' && isReadOnly) throw readOnly('default_transaction_read_only is on');
  if (wanted === 'standby' && !isStandby) throw unwanted(wanted, 'it is a primary');
  if (wanted === 'read-only' && !isStandby && !isReadOnly) throw unwanted(wanted, 'it takes writes');
  if (schema !== 'public') throw foreignSchema(schema);
}

/**
 * Asks whether a new connection of a pool is of use.
 *
 * @throws PincexError `database_unavailable`, `database_refused`
 */
export async function requireSession(
  client: pg.ClientBase,
  wanted: SessionAttributes,
  timeoutMs: number,
): Promise<void> {
  try {
    requireFit(await look(client, timeoutMs), wanted);
  } catch (error) {
    throw unconnected(error);
  }
}

/**
 * Asks whether the server at the other end still takes writes: a standby takes none, nor does one that was told so.
 *
 * @throws PincexError `database_unavailable`, `database_refused`
 */
export async function requireWritable(client: pg.ClientBase): Promise<void> {
  requireFit(await look(client).catch(rethrow), 'read-write');
}

/**
 * Whether a connection is one session of PostgreSQL: the process that answers is the one that took the connection.
 * A pooler such as PgBouncer makes a number up, since each transaction may be answered by another process.
 */
export async function isSession(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ pid: string }>('SELECT pg_backend_pid()::text AS pid').catch(rethrow);
  return isProcess(client, rows[0]?.pid);
}

function isProcess(client: pg.ClientBase, pid: string | undefined): boolean {
  const { processID } = client as pg.ClientBase & { readonly processID?: number | null };
  return Number(pid) === processID;
}

/** A connection of its own, as {@link open} makes it. Behind a pooler its settings may be anything. */
export async function connect(config: string | pg.ClientConfig): Promise<pg.Client> {
  return (await open(config)).client;
}

/**
 * Runs `work` on a connection of its own, with the settings that statements need: behind a pooler, in a transaction.
 *
 * @throws PincexError what PostgreSQL says, and whatever else `work` throws
 */
export async function withClient<Result>(
  config: string | pg.ClientConfig,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const { client, isSession: isOwn } = await open(config);
  try {
    if (isOwn) return await work(client);
    await client.query(`BEGIN${locally(UNBOUNDED)}`);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    throw toCallerError(error);
  } finally {
    await client.end();
  }
}
