import pg from 'pg';
import { Diagnostics, type ServerName } from '../diagnostics.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { GuardedClient } from './authentication.ts';
import { open, requireSession, requireWritable } from './client.ts';
import { readDestination, timePerHost, type Destination, type SessionAttributes } from './destination.ts';
import {
  ended,
  failureOf,
  isOfServer,
  isPoolTimeout,
  leadsOn,
  rethrow,
  spoilsConnection,
  toCallerError,
  unconnected,
} from './failures.ts';
import type { Settings } from './hints.ts';
import { findTransport, type Transport } from './transport.ts';
import { locally, SETTINGS, UNBOUNDED } from './settings.ts';
import type { Statement } from './statement.ts';

export interface DatabaseOptions {
  /** `postgres://…` */
  readonly url: string;
  /** Connections at the most. */
  readonly max: number;
  /** How long a call waits for a free connection, in milliseconds. */
  readonly connectionTimeoutMs: number;
  /** Calls that may wait for one at the same time. */
  readonly maxWaiting: number;
  /** After how long an unused connection is closed, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long PostgreSQL works on one statement before it gives up, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** Whether hints pin the plans of batches to the primary keys. */
  readonly queryHints: boolean;
  /** What this server is to the books. Default `primary`. */
  readonly server?: ServerName;
  /** Where statements and waiting calls are told. Default: where nobody listens. */
  readonly diagnostics?: Diagnostics;
}

/** The connections of a pool. */
export interface PoolState {
  readonly max: number;
  readonly open: number;
  readonly idle: number;
  /** Calls that wait for one. */
  readonly waiting: number;
}

/** Something that runs statements: the pool, or one connection in a transaction. */
export interface Session {
  /** Runs a statement. Values are texts, arrays as literals; columns come as the texts PostgreSQL printed. */
  query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]>;
}

/** Columns come as PostgreSQL printed them: a numeric is never a JavaScript number. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** The longest time a Node.js timer can wait; beyond it a timer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A pool, and the way that its statements go. */
interface Opened {
  readonly transport: Transport;
  readonly pool: pg.Pool;
}

/** A connection of the pool, and the way that its statements go. */
interface Lent {
  readonly client: pg.PoolClient;
  readonly transport: Transport;
}

/** The pool of connections, and the only place that talks to the driver. */
export class Database implements Session {
  readonly #options: DatabaseOptions;
  readonly #diagnostics: Diagnostics;
  readonly #server: ServerName;
  readonly #settings: Settings;
  readonly #destination: Destination;
  /** What the sessions of the pool have to be. */
  readonly #wanted: SessionAttributes;
  /** The URL of that host of the destination which new connections of the pool are made to. */
  #hostUrl = '';
  #search: Promise<void> | undefined;
  /** Driver's bounds on time: until a connection stands, and until a statement is answered. */
  readonly #bounds: pg.ClientConfig;
  #opened: Promise<Opened> | undefined;
  #pool: pg.Pool | undefined;
  #isClosed = false;
  /** Why no connection is made any more. */
  #serverEnded: PincexError | undefined;
  /** Connections that could not even roll back. */
  readonly #unfit = new WeakSet<pg.ClientBase>();
  /** What ended a connection, which the driver tells only of the statement that was on it, if there was one. */
  readonly #ends = new WeakMap<pg.ClientBase, Error>();

  constructor(options: DatabaseOptions) {
    const { url, server = 'primary', statementTimeoutMs, connectionTimeoutMs } = options;
    this.#options = options;
    this.#diagnostics = options.diagnostics ?? new Diagnostics();
    this.#server = server;
    this.#destination = readDestination(url);
    // Where its address leads elsewhere for a while, a connection is not kept for when it leads back.
    this.#wanted = server === 'primary' ? 'read-write' : this.#destination.wanted;
    // The server gives a statement up by itself, and says so. A server that does not even answer, such as one that
    // is frozen, is noticed here a little later; the connection is then cut off.
    this.#settings = { ...SETTINGS, statement_timeout: `${statementTimeoutMs}` };
    this.#bounds = {
      connectionTimeoutMillis: connectionTimeoutMs,
      query_timeout: Math.min(statementTimeoutMs + limits.database.lateAnswerMs, LONGEST_MS),
    };
  }

  async query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]> {
    return this.withSession((session) => session.query<Row>(statement, values));
  }

  /** Runs `work` on one connection; in a transaction only where a pooler stands between. */
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
   * Runs `work` in one snapshot, on a connection of its own, without the pool's hints and its bounds on time: for long
   * reads.
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
   * The server has ended for good. Nothing is sent to its address any more: whoever listens there is another.
   *
   * @internal
   */
  giveUp(): void {
    this.#serverEnded ??= ended();
    // Connections that stand are those of the server that has ended.
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

  /** Looks at the first call what stands at the URL, and opens the pool that fits. */
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
    // A connection that breaks fails the statement that is on it, and the pool drops it. The event that the
    // driver raises besides would end the process if nobody listened.
    pool.on('error', () => undefined);
    pool.on('connect', (client) =>
      client.on('error', (error) => {
        if (!this.#ends.has(client)) this.#ends.set(client, error);
      }),
    );
    this.#pool = pool;
    return { transport, pool };
  }

  /** Looks for the first host that serves: that is where new connections of the pool lead from now on. */
  async #findHost(): Promise<Transport> {
    const { url, queryHints } = this.#options;
    const opened = await open({ connectionString: url, ...this.#bounds }, this.#wanted);
    try {
      this.#hostUrl = opened.host.url;
      return await findTransport(opened, this.#destination.options, this.#settings, queryHints);
    } finally {
      await opened.client.end();
    }
  }

  /** Those that find at the same time that a host serves no more look for the next one together. */
  #moveOn(): Promise<void> {
    this.#search ??= this.#findHost()
      .then(() => undefined)
      .finally(() => (this.#search = undefined));
    return this.#search;
  }

  async #within<Result>(
    client: pg.PoolClient,
    transport: Transport,
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
      // The first error is what the caller needs. Where the connection broke, nobody is there to be asked.
      if (!this.#ends.has(client) && failureOf(error) !== 'disconnected') {
        await this.#control(client, 'rollback', 'ROLLBACK').catch(() => this.#unfit.add(client));
      }
      // A statement of the caller's has the driver's error, which of a connection that broke before does not say why.
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

  /** Runs what a transaction begins and ends with; says the command that PostgreSQL carried out last. */
  async #control(client: pg.ClientBase, name: string, text: string): Promise<{ readonly command: string }> {
    return this.#traced(name, text, [], async () => {
      // The driver answers several statements in one text with a list.
      const answer: pg.QueryResult | pg.QueryResult[] = await client
        .query(text)
        .catch((error: unknown) => this.#failed(client, error));
      return { command: [answer].flat().at(-1)?.command ?? '', rows: [] };
    });
  }

  async #withClient<Result>(work: (client: pg.PoolClient, transport: Transport) => Promise<Result>): Promise<Result> {
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

  /** Where the host that connections led to serves no more, and the URL has others, they are tried before anybody is told. */
  async #lend(): Promise<Lent> {
    const { transport, pool } = await this.#open();
    try {
      return { client: await this.#connect(pool), transport };
    } catch (error) {
      if (this.#destination.hosts.length === 1 || !leadsOn(error)) throw error;
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

  /** The queue has an end: a process that is asked for more than it can do says so at once, not when it is too late. */
  #requireRoom({ idleCount, totalCount, waitingCount }: pg.Pool): void {
    const { max, maxWaiting } = this.#options;
    // Those who came in this turn of the event loop wait too, though connections are there for them.
    const waiting = waitingCount - idleCount - (max - totalCount);
    if (waiting < maxWaiting) return;
    this.#tellRefusal();
    throw new PincexError(
      'pool_exhausted',
      `All ${max} connections are busy and ${waiting} calls wait for one, as many as may (database.pool.max_waiting); send fewer and larger batches at once, or raise it`,
    );
  }

  #connectionError(pool: pg.Pool, error: unknown): unknown {
    if (pool.ending) return this.#serverEnded ?? closed(error);
    const { max, connectionTimeoutMs } = this.#options;
    // The driver says the same of a call that waited for a connection to be made.
    if (!isPoolTimeout(error) || pool.totalCount < max) return unconnected(error);
    this.#tellRefusal();
    return new PincexError(
      'pool_exhausted',
      `All ${max} connections were busy for ${connectionTimeoutMs} ms (database.pool.connection_timeout); raise database.pool.max or send fewer batches at once`,
      { cause: error },
    );
  }

  async #run<Row>(
    transport: Transport,
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

  /** Of a statement that came too late for its connection, what ended that one is told. */
  #failed(client: pg.ClientBase, error: unknown): never {
    rethrow(error instanceof pg.DatabaseError ? error : (this.#ends.get(client) ?? error));
  }
}

function closed(cause?: unknown): PincexError {
  return new PincexError('closed', 'This Pincex was closed', cause === undefined ? {} : { cause });
}

/**
 * The connection of a transaction, for statements of the caller's own: the client of `pg` as far as statements need it. Where a
 * library asks for the client itself, it is that: `tx.client as pg.ClientBase`.
 */
export interface TransactionClient {
  /** Runs a statement, with its parameters as `$1`, `$2` …; of several in one text, without parameters, the last one answers. */
  query<Row extends object = Record<string, string | null>>(
    statement: string | TransactionStatement,
    values?: unknown[],
  ): Promise<TransactionAnswer<Row>>;
}

/** A statement with what belongs to it. */
export interface TransactionStatement {
  readonly text: string;
  readonly values?: unknown[] | undefined;
}

/** What a statement answers. */
export interface TransactionAnswer<Row> {
  /** Every column as the text that PostgreSQL prints. */
  readonly rows: Row[];
  /** How many rows it read or changed; `null` of statements that do neither. */
  readonly rowCount: number | null;
}

/** One connection inside a transaction. */
export interface TransactionSession extends Session {
  /** The driver's own client, for statements of the caller's. */
  readonly client: TransactionClient;
}
