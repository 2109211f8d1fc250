import pg from 'pg';
import { Diagnostics, type ServerName } from '../diagnostics.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { GuardedClient } from './connection/authentication.ts';
import { open, requireSession, requireWritable } from './client.ts';
import {
  readDestination,
  timePerHost,
  type Destination,
  type SessionAttributes,
} from './connection/destination.ts';
import {
  embeddedServerEnded,
  failureOf,
  isOfServer,
  isPoolTimeout,
  triesNextHost,
  rethrow,
  spoilsConnection,
  toCallerError,
  connectionFailed,
} from './failures.ts';
import type { Settings } from './sql/hints.ts';
import { findTransport, type StatementTransport } from './connection/transport.ts';
import { locally, SETTINGS, UNBOUNDED } from './connection/settings.ts';
import type { Statement } from './statement.ts';

export interface DatabaseOptions {
  /** `postgres://…` */
  readonly url: string;
  /** The maximum number of connections. */
  readonly max: number;
  /** How long a call waits for a free connection, in milliseconds. */
  readonly connectionTimeoutMs: number;
  /** The number of calls that may wait for a connection at the same time. */
  readonly maxWaiting: number;
  /** The idle time after which a connection is closed, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** The time after which PostgreSQL cancels a statement, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** Whether hints pin the plans of batches to the primary keys. */
  readonly queryHints: boolean;
  /** The role of this server. Default `primary`. */
  readonly server?: ServerName;
  /** The channels on which statements and waiting calls are traced. Default: ones without a listener. */
  readonly diagnostics?: Diagnostics;
}

/** The connections of a pool. */
export interface PoolState {
  readonly max: number;
  readonly open: number;
  readonly idle: number;
  /** The number of calls that wait for a connection. */
  readonly waiting: number;
}

/** Something that runs statements: the pool, or one connection in a transaction. */
export interface Session {
  /** Runs a statement. Values are texts, and arrays are literals; columns come as the texts that PostgreSQL prints. */
  query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]>;
}

/** Columns come as the texts that PostgreSQL prints, so that a numeric never becomes a JavaScript number. */
export const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** The longest time a Node.js timer can wait; beyond it a timer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A pool and its transport. */
interface Opened {
  readonly transport: StatementTransport;
  readonly pool: pg.Pool;
}

/** A connection of the pool and its transport. */
interface Lent {
  readonly client: pg.PoolClient;
  readonly transport: StatementTransport;
}

/** The pool of connections, and the only place that talks to the driver. */
export class Database implements Session {
  readonly #options: DatabaseOptions;
  readonly #diagnostics: Diagnostics;
  readonly #server: ServerName;
  readonly #settings: Settings;
  readonly #destination: Destination;
  /** The required session attributes of the pool. */
  readonly #wanted: SessionAttributes;
  /** The URL of the host that new connections of the pool lead to. */
  #hostUrl = '';
  #search: Promise<void> | undefined;
  /** The driver's timeouts for connecting and for the answer to a statement. */
  readonly #bounds: pg.ClientConfig;
  #opened: Promise<Opened> | undefined;
  #pool: pg.Pool | undefined;
  #isClosed = false;
  /** Set once the embedded server has ended: no connection is made any more. */
  #serverEnded: PincexError | undefined;
  /** Connections whose ROLLBACK failed. */
  readonly #unfit = new WeakSet<pg.ClientBase>();
  /** The error that ended each connection. The driver reports it only for the statement that was running, if there was one. */
  readonly #ends = new WeakMap<pg.ClientBase, Error>();

  constructor(options: DatabaseOptions) {
    const { url, server = 'primary', statementTimeoutMs, connectionTimeoutMs } = options;
    this.#options = options;
    this.#diagnostics = options.diagnostics ?? new Diagnostics();
    this.#server = server;
    this.#destination = readDestination(url);
    // A connection that reaches a standby during a failover is refused, rather than kept in the pool.
    this.#wanted = server === 'primary' ? 'read-write' : this.#destination.wanted;
    // The server cancels a statement by itself and reports that. If it does not even answer, for example because it is
    // frozen, the driver's timeout ends the connection a little later.
    this.#settings = { ...SETTINGS, statement_timeout: `${statementTimeoutMs}` };
    this.#bounds = {
      connectionTimeoutMillis: connectionTimeoutMs,
      query_timeout: Math.min(statementTimeoutMs + limits.database.lateAnswerMs, LONGEST_MS),
    };
  }

  async query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]> {
    return this.withSession((session) => session.query<Row>(statement, values));
  }

  /** Runs `work` on one connection. Behind a pooler it runs in a transaction. */
  async withSession<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#withClient((client, transport) =>
      transport.isSession
        ? work({ query: (statement, values) => this.#run(transport, client, statement, values) })
        : this.#within(client, transport, work),
    );
  }

  /** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
  async transaction<Result>(work: (session: TransactionSession) => Promise<Result>): Promise<Result> {
    return this.#withClient((client, transport) => this.#within(client, transport, work));
  }

  /**
   * Runs `work` in one snapshot, on a connection outside the pool, without hints and timeouts: for long reads.
   *
   * @internal
   */
  async snapshot<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    this.#requireOpen();
    const { client } = await open({ connectionString: this.#options.url, types: AS_TEXT }, this.#wanted);
    try {
      await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY${locally(UNBOUNDED)}`);
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      throw toCallerError(error);
    } finally {
      await client.end();
    }
  }

  /**
   * Whether the server answers and takes writes.
   *
   * @throws PincexError `database_unavailable`, `database_refused`, `pool_exhausted`
   */
  async ping(): Promise<void> {
    return this.#withClient(requireWritable);
  }

  get poolState(): PoolState {
    const { totalCount: open = 0, idleCount: idle = 0, waitingCount: waiting = 0 } = this.#pool ?? {};
    return { max: this.#options.max, open, idle, waiting };
  }

  /**
   * Tells the pool that the server has ended for good. Nothing is sent to its address any more, since another program may
   * listen there.
   *
   * @internal
   */
  giveUp(): void {
    this.#serverEnded ??= embeddedServerEnded();
    // All open connections belong to the server that has ended.
    void this.#opened?.then(({ pool }) => pool.end()).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opened?.catch(() => undefined);
    if (opened?.pool.ending === false) await opened.pool.end();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closed();
    if (this.#serverEnded !== undefined) throw this.#serverEnded;
  }

  /** At the first call, determines the transport and opens the pool. */
  #open(): Promise<Opened> {
    this.#requireOpen();
    if (this.#opened === undefined) {
      const opening = this.#openPool();
      this.#opened = opening;
      opening.catch(() => (this.#opened = undefined));
    }
    return this.#opened;
  }

  async #openPool(): Promise<Opened> {
    const { max, connectionTimeoutMs, idleTimeoutMs } = this.#options;
    const transport = await this.#findHost();
    const hostUrl = (): string => this.#hostUrl;
    const { proof } = this.#destination;
    const hostMs = timePerHost(this.#destination, connectionTimeoutMs);
    const pool = new pg.Pool({
      ...this.#bounds,
      max,
      idleTimeoutMillis: idleTimeoutMs,
      keepAlive: true,
      application_name: 'pincex',
      types: AS_TEXT,
      ...(transport.options && { options: transport.options }),
      Client: class extends GuardedClient {
        constructor(config?: pg.ClientConfig) {
          super({ ...config, connectionString: hostUrl(), connectionTimeoutMillis: hostMs }, proof);
        }
      },
      verify: (client, done) => {
        requireSession(client, this.#wanted, hostMs).then(() => {
          done();
        }, done);
      },
    });
    // If a connection breaks, its statement fails, and the pool drops the connection. The driver also emits an `error` event,
    // which would end the process without a listener.
    pool.on('error', () => undefined);
    pool.on('connect', (client) =>
      client.on('error', (error) => {
        if (!this.#ends.has(client)) this.#ends.set(client, error);
      }),
    );
    this.#pool = pool;
    return { transport, pool };
  }

  /** Finds the first host that offers the wanted session. New connections of the pool lead to it from now on. */
  async #findHost(): Promise<StatementTransport> {
    const { url, queryHints } = this.#options;
    const opened = await open({ connectionString: url, ...this.#bounds }, this.#wanted);
    try {
      this.#hostUrl = opened.host.url;
      return await findTransport(opened, this.#destination.options, this.#settings, queryHints);
    } finally {
      await opened.client.end();
    }
  }

  /** Finds the next host. Concurrent calls share one search. */
  #moveOn(): Promise<void> {
    this.#search ??= this.#findHost()
      .then(() => undefined)
      .finally(() => (this.#search = undefined));
    return this.#search;
  }

  async #within<Result>(
    client: pg.PoolClient,
    transport: StatementTransport,
    work: (session: TransactionSession) => Promise<Result>,
  ): Promise<Result> {
    let hasEnded = false;
    const session: TransactionSession = {
      query: async (statement, values) => {
        if (hasEnded) throw new PincexError('closed', 'This transaction has ended');
        return this.#run(transport, client, statement, values);
      },
      client,
    };
    let result: Result;
    try {
      await this.#control(client, 'begin', transport.begin);
      result = await work(session);
      hasEnded = true;
    } catch (error) {
      hasEnded = true;
      // The caller gets the first error, not one of ROLLBACK. On a connection that broke, ROLLBACK is not sent.
      if (!this.#ends.has(client) && failureOf(error) !== 'disconnected') {
        await this.#control(client, 'rollback', 'ROLLBACK').catch(() => this.#unfit.add(client));
      }
      // The driver's error for a caller's statement on a connection that broke before does not tell why it broke.
      if (isOfServer(error) || error === this.#ends.get(client)) this.#failed(client, error);
      throw error;
    }
    await this.#commit(client);
    return result;
  }

  /** PostgreSQL answers COMMIT with ROLLBACK where a statement failed, even if its caller swallowed the error. */
  async #commit(client: pg.ClientBase): Promise<void> {
    const { command } = await this.#control(client, 'commit', 'COMMIT');
    if (command === 'COMMIT') return;
    throw new PincexError(
      'transaction_aborted',
      'A statement of this transaction failed and its error was swallowed; nothing of it was written',
    );
  }

  /** Runs BEGIN, COMMIT or ROLLBACK, and returns the last command that PostgreSQL carried out. */
  async #control(client: pg.ClientBase, name: string, text: string): Promise<{ readonly command: string }> {
    return this.#traced(name, text, [], async () => {
      // The driver answers several statements in one text with a list.
      const answer: pg.QueryResult | pg.QueryResult[] = await client
        .query(text)
        .catch((error: unknown) => this.#failed(client, error));
      return { command: [answer].flat().at(-1)?.command ?? '', rows: [] };
    });
  }

  async #withClient<Result>(
    work: (client: pg.PoolClient, transport: StatementTransport) => Promise<Result>,
  ): Promise<Result> {
    const { client, transport } = await this.#lend();
    let broken = false;
    try {
      return await work(client, transport);
    } catch (error) {
      broken = spoilsConnection(error) || this.#unfit.has(client);
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /**
   * Takes a connection from the pool. If its host no longer serves and the URL has other hosts, these are tried before the
   * call fails.
   */
  async #lend(): Promise<Lent> {
    const { transport, pool } = await this.#open();
    try {
      return { client: await this.#connect(pool), transport };
    } catch (error) {
      if (this.#destination.hosts.length === 1 || !triesNextHost(error)) throw error;
      await this.#moveOn();
      return { client: await this.#connect(pool), transport };
    }
  }

  async #connect(pool: pg.Pool): Promise<pg.PoolClient> {
    this.#requireRoom(pool);
    const isBusy = pool.idleCount === 0 && pool.totalCount >= this.#options.max;
    const connect = (): Promise<pg.PoolClient> => pool.connect();
    try {
      return await (isBusy
        ? this.#diagnostics.trace('wait', () => ({ server: this.#server }), connect)
        : connect());
    } catch (error) {
      throw this.#connectionError(pool, error);
    }
  }

  /** Bounds the queue (backpressure): an overloaded process refuses a call at once instead of after a timeout. */
  #requireRoom({ idleCount, totalCount, waitingCount }: pg.Pool): void {
    const { max, maxWaiting } = this.#options;
    // `waitingCount` includes calls of this turn of the event loop that idle or new connections will serve.
    const waiting = waitingCount - idleCount - (max - totalCount);
    if (waiting < maxWaiting) return;
    this.#tellRefusal();
    throw new PincexError(
      'pool_exhausted',
      `All ${max} connections are busy and ${waiting} calls wait for one, the maximum (database.pool.max_waiting); send fewer and larger batches at once, or raise it`,
    );
  }

  #connectionError(pool: pg.Pool, error: unknown): unknown {
    if (pool.ending) return this.#serverEnded ?? closed(error);
    const { max, connectionTimeoutMs } = this.#options;
    // The driver gives the same error to a call that waited for a new connection.
    if (!isPoolTimeout(error) || pool.totalCount < max) return connectionFailed(error);
    this.#tellRefusal();
    return new PincexError(
      'pool_exhausted',
      `All ${max} connections were busy for ${connectionTimeoutMs} ms (database.pool.connection_timeout); raise database.pool.max or send fewer batches at once`,
      { cause: error },
    );
  }

  async #run<Row>(
    transport: StatementTransport,
    client: pg.ClientBase,
    statement: Statement,
    values: readonly (string | null)[] = [],
  ): Promise<Row[]> {
    const { name, rowMode } = statement;
    const sent = transport.send(client, statement);
    const query = { ...sent, values: values as string[], ...(rowMode && { rowMode }) };
    const { rows } = await this.#traced(name, sent.text, values, () =>
      client.query<Row & pg.QueryResultRow>(query).catch((error: unknown) => this.#failed(client, error)),
    );
    return rows;
  }

  #traced<Result extends { readonly rows: readonly unknown[] }>(
    name: string,
    text: string,
    values: readonly (string | null)[],
    run: () => Promise<Result>,
  ): Promise<Result> {
    return this.#diagnostics.trace('statement', () => ({ name, server: this.#server, text, values }), run);
  }

  #tellRefusal(): void {
    this.#diagnostics.tell('poolRefusal', () => ({ server: this.#server }));
  }

  /** For a statement on a connection that had ended, throws the error that ended the connection. */
  #failed(client: pg.ClientBase, error: unknown): never {
    rethrow(error instanceof pg.DatabaseError ? error : (this.#ends.get(client) ?? error));
  }
}

function closed(cause?: unknown): PincexError {
  return new PincexError('closed', 'This Pincex was closed', cause === undefined ? {} : { cause });
}

/**
 * The connection of a transaction, for statements of the caller's own. It is the client of `pg`, typed only as far as
 * statements need it; for a library that takes the client itself, use `tx.client as pg.ClientBase`.
 */
export interface TransactionClient {
  /**
   * Runs a statement, with parameters `$1`, `$2` …. Several statements in one text take no parameters, and return a list of
   * results.
   */
  query<Row extends object = Record<string, string | null>>(
    statement: string | TransactionStatement,
    values?: unknown[],
  ): Promise<TransactionAnswer<Row>>;
}

/** A statement with its values. */
export interface TransactionStatement {
  readonly text: string;
  readonly values?: unknown[] | undefined;
}

/** The result of a statement. */
export interface TransactionAnswer<Row> {
  /** The rows, each column as the text that PostgreSQL prints. */
  readonly rows: Row[];
  /** The number of rows that were read or changed; `null` for statements that do neither. */
  readonly rowCount: number | null;
}

/** A connection inside a transaction. */
export interface TransactionSession extends Session {
  /** The driver's client, for statements of the caller's own. */
  readonly client: TransactionClient;
}
