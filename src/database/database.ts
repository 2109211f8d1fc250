import pg from 'pg';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { connect, requireWritable } from './client.ts';
import { failureOf, isPoolTimeout, rethrow, spoilsConnection, unconnected } from './failures.ts';
import type { Settings } from './hints.ts';
import { directConfig, findLine, type Line } from './line.ts';
import type { Statement } from './statement.ts';
import type { Statistics } from '../statistics/statistics.ts';

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
  /** Counts the calls that waited for a connection. */
  readonly statistics?: Statistics;
  /** Told of every statement once it has run. */
  readonly onStatement?: (run: StatementRun) => void;
}

export type ServerName = 'primary' | 'replica';

export interface StatementRun {
  /** Of the prepared statement. */
  readonly name: string;
  /** Where it ran. */
  readonly server: ServerName;
  /** Its SQL. */
  readonly text: string;
  /** What its parameters were: arrays as literals. */
  readonly values: readonly (string | null)[];
  /** Milliseconds that it took. */
  readonly durationMs: number;
  /** How many it answered. */
  readonly rows: number;
}

/** Runs `work` so that whoever is told of its statements knows what they belong to. */
export type Trace = <Result>(id: string, work: () => Promise<Result>) => Promise<Result>;

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

/**
 * What a role, a database or the environment may set otherwise, and what would then be read, written or compared as
 * something else: times as they are printed, NULL in arrays, texts and their characters. Nor does a wait for a lock end
 * before its statement does.
 */
const SETTINGS = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  array_nulls: 'on',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  lock_timeout: '0',
};

/** Columns come as PostgreSQL printed them: a numeric is never a JavaScript number. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** The longest time a Node.js timer can wait; beyond it a timer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A pool, and the way that its statements go. */
interface Opened {
  readonly line: Line;
  readonly pool: pg.Pool;
}

/** The pool of connections, and the only place that talks to the driver. */
export class Database implements Session {
  readonly #options: DatabaseOptions;
  readonly #settings: Settings;
  /** Driver's bounds on time: until a connection stands, and until a statement is answered. */
  readonly #bounds: pg.ClientConfig;
  #opened: Promise<Opened> | undefined;
  #pool: pg.Pool | undefined;
  #isClosed = false;
  /** Connections that could not even roll back. */
  readonly #unfit = new WeakSet<pg.ClientBase>();
  /** What ended a connection, which the driver tells only of the statement that was on it, if there was one. */
  readonly #ends = new WeakMap<pg.ClientBase, Error>();

  constructor(options: DatabaseOptions) {
    const { statementTimeoutMs, connectionTimeoutMs } = options;
    this.#options = options;
    // The server gives a statement up by itself, and says so. A server that does not even answer, such as one that
    // is frozen, is noticed here a little later; the connection is then cut off.
    this.#settings = { ...SETTINGS, statement_timeout: `${statementTimeoutMs}` };
    this.#bounds = {
      connectionTimeoutMillis: connectionTimeoutMs,
      query_timeout: Math.min(statementTimeoutMs + limits.lateAnswerMs, LONGEST_MS),
    };
  }

  async query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]> {
    const opened = await this.#open();
    if (!opened.line.isSession) {
      return this.#transaction(opened, (session) => session.query<Row>(statement, values));
    }
    return this.#withClient(opened, (client) => this.#run<Row>(opened.line, client, statement, values));
  }

  /** Runs `work` on one connection; in a transaction only where a pooler stands between. */
  async withSession<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    const opened = await this.#open();
    if (!opened.line.isSession) return this.#transaction(opened, work);
    return this.#withClient(opened, (client) =>
      work({ query: (statement, values) => this.#run(opened.line, client, statement, values) }),
    );
  }

  /** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
  async transaction<Result>(work: (session: TransactionSession) => Promise<Result>): Promise<Result> {
    return this.#transaction(await this.#open(), work);
  }

  /**
   * A connection of its own, without the pool's hints and its bounds on time: for long reads. The caller ends it,
   * and reads in a transaction, since a pooler knows nothing else.
   *
   * @internal
   */
  async connect(): Promise<pg.Client> {
    const { line } = await this.#open();
    const config = line.isSession
      ? directConfig(this.#options.url, { ...SETTINGS, statement_timeout: '0' })
      : line.config;
    return connect({ ...config, types: AS_TEXT });
  }

  /**
   * Whether the server answers and takes writes.
   *
   * @throws PincexError `database_unavailable`, `database_refused`, `pool_exhausted`
   */
  async ping(): Promise<void> {
    return this.#withClient(await this.#open(), requireWritable);
  }

  get poolState(): PoolState {
    const { totalCount: open = 0, idleCount: idle = 0, waitingCount: waiting = 0 } = this.#pool ?? {};
    return { max: this.#options.max, open, idle, waiting };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.pool.end();
  }

  /** Looks at the first call what stands at the URL, and opens the pool that fits. */
  #open(): Promise<Opened> {
    if (this.#isClosed) throw new PincexError('closed', 'This Pincex was closed');
    if (this.#opened === undefined) {
      const opening = this.#openPool();
      this.#opened = opening;
      opening.catch(() => (this.#opened = undefined));
    }
    return this.#opened;
  }

  async #openPool(): Promise<Opened> {
    const { url, max, idleTimeoutMs, queryHints, server = 'primary' } = this.#options;
    const line = await findLine(url, this.#settings, queryHints, this.#bounds);
    const pool = new pg.Pool({
      ...line.config,
      ...this.#bounds,
      max,
      idleTimeoutMillis: idleTimeoutMs,
      keepAlive: true,
      application_name: 'pincex',
      types: AS_TEXT,
      // Where its address leads elsewhere for a while, a connection is not kept for when it leads back.
      ...(server === 'primary' && {
        verify(client, done) {
          requireWritable(client).then(() => {
            done();
          }, done);
        },
      }),
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
    return { line, pool };
  }

  async #transaction<Result>(
    opened: Opened,
    work: (session: TransactionSession) => Promise<Result>,
  ): Promise<Result> {
    const { line } = opened;
    return this.#withClient(opened, async (client) => {
      let hasEnded = false;
      const session: TransactionSession = {
        query: async (statement, values) => {
          if (hasEnded) throw new PincexError('closed', 'This transaction has ended');
          return this.#run(line, client, statement, values);
        },
        client,
      };
      let result: Result;
      try {
        await this.#control(client, 'begin', line.begin);
        result = await work(session);
        hasEnded = true;
      } catch (error) {
        hasEnded = true;
        // The first error is what the caller needs. Where the connection broke, nobody is there to be asked.
        if (!this.#ends.has(client) && failureOf(error) !== 'disconnected') {
          await this.#control(client, 'rollback', 'ROLLBACK').catch(() => this.#unfit.add(client));
        }
        // A statement of the caller's that was on the connection when it broke has the driver's error.
        if (error === this.#ends.get(client)) rethrow(error);
        throw error;
      }
      await this.#commit(client);
      return result;
    });
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

  /** Runs what a transaction begins and ends with. */
  async #control(client: pg.ClientBase, name: string, text: string): Promise<pg.QueryResult> {
    const began = performance.now();
    const result = await client.query(text).catch((error: unknown) => this.#failed(client, error));
    this.#ran({ name, text, values: [], durationMs: performance.now() - began, rows: 0 });
    return result;
  }

  async #withClient<Result>(
    { pool }: Opened,
    work: (client: pg.PoolClient) => Promise<Result>,
  ): Promise<Result> {
    this.#requireRoom(pool);
    let client: pg.PoolClient;
    const isBusy = pool.idleCount === 0 && pool.totalCount >= this.#options.max;
    const began = performance.now();
    try {
      client = await pool.connect();
      if (isBusy) this.#options.statistics?.poolWait(performance.now() - began);
    } catch (error) {
      throw this.#connectionError(pool, error);
    }
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = spoilsConnection(error) || this.#unfit.has(client);
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** The queue has an end: a process that is asked for more than it can do says so at once, not when it is too late. */
  #requireRoom({ idleCount, totalCount, waitingCount }: pg.Pool): void {
    const { max, maxWaiting } = this.#options;
    // Those who came in this turn of the event loop wait too, though connections are there for them.
    const waiting = waitingCount - idleCount - (max - totalCount);
    if (waiting < maxWaiting) return;
    this.#options.statistics?.poolRefused();
    throw new PincexError(
      'pool_exhausted',
      `All ${max} connections are busy and ${waiting} calls wait for one, as many as may (database.pool.max_waiting); send fewer and larger batches at once, or raise it`,
    );
  }

  #connectionError(pool: pg.Pool, error: unknown): unknown {
    if (pool.ending) return new PincexError('closed', 'This Pincex was closed', { cause: error });
    const { max, connectionTimeoutMs } = this.#options;
    // The driver says the same of a call that waited for a connection to be made.
    if (!isPoolTimeout(error) || pool.totalCount < max) return unconnected(error);
    this.#options.statistics?.poolRefused();
    return new PincexError(
      'pool_exhausted',
      `All ${max} connections were busy for ${connectionTimeoutMs} ms (database.pool.connection_timeout); raise database.pool.max or send fewer batches at once`,
      { cause: error },
    );
  }

  async #run<Row>(
    line: Line,
    client: pg.ClientBase,
    statement: Statement,
    values: readonly (string | null)[] = [],
  ): Promise<Row[]> {
    const began = performance.now();
    const { name, rowMode } = statement;
    const sent = line.send(client, statement);
    const query = { ...sent, values: values as string[], ...(rowMode && { rowMode }) };
    const { rows } = await client
      .query<Row & pg.QueryResultRow>(query)
      .catch((error: unknown) => this.#failed(client, error));
    const durationMs = performance.now() - began;
    this.#ran({ name, text: sent.text, values, durationMs, rows: rows.length });
    return rows;
  }

  /** Of a statement that came too late for its connection, what ended that one is told. */
  #failed(client: pg.ClientBase, error: unknown): never {
    rethrow(error instanceof pg.DatabaseError ? error : (this.#ends.get(client) ?? error));
  }

  #ran(run: Omit<StatementRun, 'server'>): void {
    const { server = 'primary', onStatement } = this.#options;
    onStatement?.({ ...run, server });
  }
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
