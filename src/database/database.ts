import pg from 'pg';
import { PincexError } from '../errors.ts';
import { connect } from './client.ts';
import { failureOf, isPoolTimeout, rethrow, unavailable } from './failures.ts';
import type { Statement } from './statement.ts';

export interface DatabaseOptions {
  /** `postgres://…` */
  readonly url: string;
  /** Connections at the most. */
  readonly max: number;
  /** How long a call waits for a free connection, in milliseconds. */
  readonly connectionTimeoutMs: number;
  /** After how long an unused connection is closed, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Planner settings that pin the plans of batches to the primary keys. */
  readonly queryHints: boolean;
  /** What this server is to the books. Default `primary`. */
  readonly server?: ServerName;
  /** Told of every statement once it has run. */
  readonly onStatement?: (run: StatementRun) => void;
}

export type ServerName = 'primary' | 'replica';

export interface StatementRun {
  readonly name: string;
  /** Where it ran. */
  readonly server: ServerName;
  readonly durationMs: number;
  readonly rows: number;
}

/** Something that runs statements: the pool, or one connection in a transaction. */
export interface Session {
  /** Runs a prepared statement. Values are texts, arrays as literals; columns come as the texts PostgreSQL printed. */
  query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]>;
}

/**
 * A batch knows its rows by their keys, so a nested loop over the primary key is right at 1 item and at 5,000.
 * The planner does not know that: it takes an `unnest` for any size, a fresh table for an empty one, and may
 * hash-join a table of millions or keep the plan it made while a table was empty. One plan for all, by index.
 */
const HINTS = {
  plan_cache_mode: 'force_generic_plan',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  jit: 'off',
};

const SETTINGS = { TimeZone: 'UTC', DateStyle: 'ISO', default_transaction_isolation: 'read\\ committed' };

/** Columns come as PostgreSQL printed them: a numeric is never a JavaScript number. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** How to connect with these settings: after those of the URL, which the driver would take instead of them. */
function connectionOf(url: string, settings: Readonly<Record<string, string>>): pg.ClientConfig {
  const own = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const parsed = new URL(url);
  const given = parsed.searchParams.getAll('options');
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, options: [...given, ...own].join(' ') };
}

/** The pool of connections, and the only place that talks to the driver. */
export class Database implements Session {
  readonly #url: string;
  readonly #pool: pg.Pool;
  readonly #onStatement: (run: Omit<StatementRun, 'server'>) => void;

  constructor(options: DatabaseOptions) {
    this.#url = options.url;
    const settings = options.queryHints ? { ...SETTINGS, ...HINTS } : SETTINGS;
    this.#pool = new pg.Pool({
      ...connectionOf(options.url, settings),
      max: options.max,
      connectionTimeoutMillis: options.connectionTimeoutMs,
      idleTimeoutMillis: options.idleTimeoutMs,
      keepAlive: true,
      application_name: 'pincex',
      types: AS_TEXT,
    });
    // A connection that breaks fails the statement that is on it, and the pool drops it. The event that the
    // driver raises besides would end the process if nobody listened.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
    const { server = 'primary', onStatement } = options;
    this.#onStatement = (run) => onStatement?.({ ...run, server });
  }

  async query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]> {
    return this.#withClient((client) => this.#run<Row>(client, statement, values));
  }

  /** Runs `work` on one connection, without a transaction. */
  async withSession<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#withClient((client) =>
      work({ query: (statement, values) => this.#run(client, statement, values) }),
    );
  }

  /** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
  async transaction<Result>(work: (session: TransactionSession) => Promise<Result>): Promise<Result> {
    return this.#withClient(async (client) => {
      let hasEnded = false;
      const session: TransactionSession = {
        query: async (statement, values) => {
          if (hasEnded) throw new PincexError('closed', 'This transaction has ended');
          return this.#run(client, statement, values);
        },
        client,
      };
      await this.#run(client, BEGIN);
      let result: Result;
      try {
        result = await work(session);
        hasEnded = true;
      } catch (error) {
        hasEnded = true;
        // The first error is what the caller needs; a rollback that fails too leaves a dead connection behind.
        await this.#run(client, ROLLBACK).catch(() => undefined);
        throw error;
      }
      await this.#commit(client);
      return result;
    });
  }

  /** A connection of its own, outside the pool's hints: for long reads. The caller ends it. */
  connect(): Promise<pg.Client> {
    return connect({ ...connectionOf(this.#url, SETTINGS), types: AS_TEXT });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** PostgreSQL answers COMMIT with ROLLBACK where a statement failed, even if its caller swallowed the error. */
  async #commit(client: pg.ClientBase): Promise<void> {
    const began = performance.now();
    const { command } = await client.query('COMMIT').catch(rethrow);
    this.#onStatement({ name: 'commit', durationMs: performance.now() - began, rows: 0 });
    if (command === 'COMMIT') return;
    throw new PincexError(
      'transaction_aborted',
      'A statement of this transaction failed and its error was swallowed; nothing of it was written',
    );
  }

  async #withClient<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw this.#connectionError(error);
    }
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      broken = failureOf(error) === 'disconnected';
      throw error;
    } finally {
      client.release(broken);
    }
  }

  #connectionError(error: unknown): unknown {
    if (this.#pool.ending) return new PincexError('closed', 'This Pincex was closed', { cause: error });
    if (!isPoolTimeout(error)) return unavailable(error);
    const { max, connectionTimeoutMillis } = this.#pool.options;
    return new PincexError(
      'pool_exhausted',
      `All ${max} connections were busy for ${connectionTimeoutMillis ?? 0} ms; raise database.pool.max or send fewer batches at once`,
      { cause: error },
    );
  }

  async #run<Row>(
    client: pg.ClientBase,
    { name, text, rowMode }: Statement,
    values: readonly (string | null)[] = [],
  ): Promise<Row[]> {
    const began = performance.now();
    const query = { name, text, values: values as string[], ...(rowMode && { rowMode }) };
    const { rows } = await client.query<Row & pg.QueryResultRow>(query).catch(rethrow);
    this.#onStatement({ name, durationMs: performance.now() - began, rows: rows.length });
    return rows;
  }
}

/** One connection inside a transaction. */
export interface TransactionSession extends Session {
  /** The driver's own client, for statements of the caller's. */
  readonly client: pg.ClientBase;
}

const BEGIN = { name: 'begin', text: 'BEGIN' };
const ROLLBACK = { name: 'rollback', text: 'ROLLBACK' };
