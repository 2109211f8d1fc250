import type pg from 'pg';
import { limits } from '../limits.ts';
import { GuardedClient } from './connection/authentication.ts';
import {
  readDestination,
  timePerHost,
  type Destination,
  type Host,
  type Proof,
  type SessionAttributes,
} from './connection/destination.ts';
import {
  foreignSchema,
  triesNextHost,
  noHostServes,
  readOnlyServer,
  refusesOptions,
  rethrow,
  toCallerError,
  connectionFailed,
  wrongSession,
} from './failures.ts';
import { locally, startOptions, UNBOUNDED } from './connection/settings.ts';

/** A connection, and the server that it leads to. */
export interface Opened {
  readonly client: pg.Client;
  /** The host of the URL that the connection leads to. */
  readonly host: Host;
  /** Whether it is one session of PostgreSQL: see {@link isSession}. */
  readonly isSession: boolean;
}

/**
 * Opens a connection outside the pool, to the first host of the URL that accepts connections and offers the wanted session. The
 * caller ends it.
 *
 * @param wanted overrides `target_session_attrs` of the URL
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
        if (!triesNextHost(error)) throw error;
        failures.push({ host, error });
      }
    }
  }
  throw noHostServes(failures.slice(-hosts.length));
}

/** PgBouncer refuses `options` unless it is configured to ignore them: the connection is then tried without our settings. */
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
    // Not awaited: on a connection that no server answers, it may never resolve.
    client.end().catch(() => undefined);
    throw connectionFailed(error);
  }
}

async function start(config: pg.ClientConfig, proof: Proof | undefined): Promise<pg.Client> {
  try {
    // The constructor reads the certificate files that the URL names, so it may throw.
    const client = new GuardedClient(config, proof);
    // If the connection breaks, its statement fails. The driver also emits an `error` event, which would end the process
    // without a listener.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  } catch (error) {
    throw connectionFailed(error);
  }
}

/** The properties of a server that decide whether it is the wanted one. */
interface Found {
  readonly isSession: boolean;
  readonly isStandby: boolean;
  /** Whether transactions are read-only by default. */
  readonly isReadOnly: boolean;
  /** The schema in which tables are looked up and created; null if there is none. */
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
  if ((wanted === 'read-write' || wanted === 'primary') && isStandby) throw readOnlyServer('it is a standby');
  if (wanted === 'read-write' && isReadOnly) throw readOnlyServer('default_transaction_read_only is on');
  if (wanted === 'standby' && !isStandby) throw wrongSession(wanted, 'it is a primary');
  if (wanted === 'read-only' && !isStandby && !isReadOnly) throw wrongSession(wanted, 'it takes writes');
  if (schema !== 'public') throw foreignSchema(schema);
}

/**
 * Checks that a new connection of the pool has the wanted session.
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
    throw connectionFailed(error);
  }
}

/**
 * Checks that the server still takes writes: it is no standby, and its default is not read-only.
 *
 * @throws PincexError `database_unavailable`, `database_refused`
 */
export async function requireWritable(client: pg.ClientBase): Promise<void> {
  requireFit(await look(client).catch(rethrow), 'read-write');
}

/**
 * Whether a connection is one session of PostgreSQL: the process that answers is the one that accepted the connection. A pooler
 * such as PgBouncer reports a made-up process id, since another process may serve each transaction.
 */
export async function isSession(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ pid: string }>('SELECT pg_backend_pid()::text AS pid').catch(rethrow);
  return isProcess(client, rows[0]?.pid);
}

function isProcess(client: pg.ClientBase, pid: string | undefined): boolean {
  const { processID } = client as pg.ClientBase & { readonly processID?: number | null };
  return Number(pid) === processID;
}

/** Opens a connection outside the pool: see {@link open}. Behind a pooler its session may have any settings. */
export async function connect(config: string | pg.ClientConfig): Promise<pg.Client> {
  return (await open(config)).client;
}

/**
 * Runs `work` on a connection outside the pool, with the settings that statements need. Behind a pooler it runs in a
 * transaction.
 *
 * @throws PincexError for errors of PostgreSQL; other errors of `work` are thrown as they are
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
