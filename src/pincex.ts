import { audit, type AuditReport } from './audit/audit.ts';
import type { Books } from './books/books.ts';
import { CatalogStore } from './catalog/store.ts';
import { commands, type CommandType, type DataOf, type MixedItem } from './commands/index.ts';
import type { Fields } from './commands/fields.ts';
import { loadConfig, type Config } from './config/load.ts';
import { withClient } from './database/client.ts';
import {
  Database,
  type ServerName,
  type StatementRun,
  type TransactionSession,
} from './database/database.ts';
import { failureOf, unavailable } from './database/failures.ts';
import { persistently } from './database/retry.ts';
import { startEmbeddedServer, type EmbeddedServer } from './embedded/server.ts';
import { Engine, type BatchOptions, type Strategy, type Within } from './engine/engine.ts';
import type { Reader } from './engine/read.ts';
import { PincexError } from './errors.ts';
import { limits } from './limits.ts';
import { statementLog } from './logging.ts';
import { migrateUp, migrationStatus } from './migrations/runner.ts';
import type { Cache } from './repository/cache.ts';
import { changesOf, doubtfulChangesOf } from './repository/changes.ts';
import { ProcessCache } from './repository/processCache.ts';
import { RedisCache } from './repository/redisCache.ts';
import { Replica } from './repository/replica.ts';
import { Repository, uncached } from './repository/repository.ts';
import type { BatchResult } from './results.ts';
import { Bookkeeper } from './services/bookkeeper.ts';
import { Calls, Turns } from './services/calls.ts';
import type { Executor } from './services/executor.ts';
import { Sweeper, type Swept } from './services/sweeper.ts';
import { Trading } from './services/trading.ts';

export interface PincexOptions {
  /** Default: `pincex.yaml` of the working folder, and the environment over it. */
  readonly config?: Config;
  /** `auto`, unless one way of keeping batches apart is to be measured or tested by itself. */
  readonly strategy?: Strategy;
  /** Told of every statement once it has run. */
  readonly onStatement?: (run: StatementRun) => void;
  /** Told what is done while the embedded server starts. */
  readonly onProgress?: (message: string) => void;
}

/** What runs inside one transaction of the caller's. */
export interface PincexTransaction {
  readonly bookkeeper: Bookkeeper;
  readonly trading: Trading;
  /** As {@link Pincex.execute}, in this transaction. */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>>;
  /**
   * The connection of the transaction, for statements of the caller's own. Columns come as the texts PostgreSQL
   * prints, and the planner settings of batches hold: sequential scans, hash and merge joins are off.
   */
  readonly client: TransactionSession['client'];
}

/** An exchange's books. One for a process; close it when done. */
export class Pincex {
  readonly config: Config;
  readonly bookkeeper: Bookkeeper;
  readonly trading: Trading;
  /** Currencies and markets. */
  readonly catalog: CatalogStore;
  /** Where the books are, `postgres://…`: the configured server, or the embedded one. */
  readonly url: string;
  readonly #database: Database;
  readonly #replica: Database | null;
  readonly #repository: Repository;
  readonly #engine: Engine;
  readonly #server: EmbeddedServer | null;
  readonly #calls = new Calls();

  private constructor(config: Config, url: string, parts: Parts, strategy: Strategy) {
    const { database, replica, server, cache } = parts;
    this.config = config;
    this.url = url;
    this.#database = database;
    this.#replica = replica;
    this.#server = server;
    this.catalog = new CatalogStore(database);
    this.#repository = new Repository({
      primary: database,
      replica: replica && new Replica(replica),
      cache,
      ...repositoryOptions(config),
    });
    this.#engine = new Engine(database, this.catalog, strategy, (books, state) =>
      this.#repository.publish(state === 'committed' ? changesOf(books) : doubtfulChangesOf(books)),
    );
    const execute = this.#executor((call) => this.#calls.run(call));
    this.bookkeeper = new Bookkeeper(execute, this.#repository);
    this.trading = new Trading(execute, this.#repository);
  }

  /**
   * Opens the books. Without `database.url` it starts the embedded server, or uses the one that another process
   * started for the same data folder, and migrates it; a server of your own you migrate with `pincex migrate up`.
   *
   * @throws PincexError `invalid_configuration`, `server_not_startable`, `migration_failed`, `database_unavailable`
   */
  static async open(options: PincexOptions = {}): Promise<Pincex> {
    const config = options.config ?? loadConfig();
    const { url: ownUrl, readUrl, pool, optimizedRepository } = config.database;
    const server =
      ownUrl === null
        ? await startEmbeddedServer({
            dataDir: config.dataDir,
            ...(options.onProgress && { onProgress: options.onProgress }),
          })
        : null;
    const url = ownUrl ?? server?.url ?? '';
    const log = optimizedRepository.enableDebugLogs ? statementLog() : undefined;
    const connect = (to: string, server: ServerName): Database =>
      new Database({
        url: to,
        server,
        ...pool,
        queryHints: optimizedRepository.enableQueryHints,
        onStatement(run) {
          log?.(run);
          options.onStatement?.(run);
        },
      });
    const database = connect(url, 'primary');
    const replica = readUrl === null ? null : connect(readUrl, 'replica');
    const cache = config.redis === null ? new ProcessCache() : new RedisCache(config.redis);
    try {
      await prepareSchema(url, server !== null);
      const parts = { database, replica, server, cache };
      const pincex = new Pincex(config, url, parts, options.strategy ?? 'auto');
      await pincex.catalog.get();
      return pincex;
    } catch (error) {
      await cache.close();
      await Promise.all([database.close(), replica?.close()]);
      await server?.stop();
      throw error;
    }
  }

  /**
   * Runs a batch that mixes commands, such as a lock, an order and a trade; each item names its `command`.
   *
   * @throws PincexError where the whole call fails: see `docs/results-and-errors.md`
   */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>> {
    return this.#calls.run(() => this.#engine.execute(items, readMixed, options));
  }

  /**
   * Runs `work` in one transaction: its batches, and statements of the caller's, are committed together when it
   * returns and rolled back together when it throws. Batches lock their rows until then, so keep it short. After
   * a deadlock or a serialization failure nothing has been written, and `work` is run again from its beginning.
   *
   * @throws PincexError `conflict`, `database_unavailable`, `outcome_unknown`, `transaction_aborted`; and whatever
   * `work` throws
   */
  async transaction<Result>(work: (tx: PincexTransaction) => Promise<Result>): Promise<Result> {
    const progress = { isWorkDone: false, committing: [] as Books[] };
    const attempt = async () => {
      progress.isWorkDone = false;
      progress.committing = [];
      const result = await this.#database.transaction(async (session) => {
        const turns = new Turns();
        try {
          const done = await work(this.#within({ session, committing: progress.committing }, turns));
          progress.isWorkDone = true;
          return done;
        } finally {
          // A batch that `work` did not wait for must not run on over a connection that others have by then.
          await turns.end();
        }
      });
      for (const books of progress.committing) await this.#repository.publish(changesOf(books));
      return result;
    };
    try {
      return await this.#calls.run(() => persistently(attempt, ['collision']));
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'collision') {
        const message = `The transaction lost against others ${limits.attempts} times; nothing of it was written`;
        throw new PincexError('conflict', message, { cause: error });
      }
      if (failure !== 'disconnected') throw error;
      if (!progress.isWorkDone) throw unavailable(error);
      for (const books of progress.committing) await this.#repository.publish(doubtfulChangesOf(books));
      const message =
        'PostgreSQL went away during the commit; send the same items again to learn what was written';
      throw new PincexError('outcome_unknown', message, { cause: error });
    }
  }

  /** Expires orders and returns holds whose time is over. Call it every second or so, from any process. */
  sweepExpired(): Promise<Swept> {
    return this.#calls.run(() => new Sweeper(this.#database, this.catalog, this.#engine).sweep());
  }

  /** Proves the books from the tables alone. */
  audit(): Promise<AuditReport> {
    return this.#calls.run(() => audit(this.#database));
  }

  /** Waits for what is under way, closes the connections, and stops the embedded server if this process started it. */
  async close(): Promise<void> {
    await this.#calls.close();
    await this.#repository.close();
    await Promise.all([this.#database.close(), this.#replica?.close()]);
    await this.#server?.stop();
  }

  #within(within: Within, turns: Turns): PincexTransaction {
    const execute = this.#executor((call) => turns.run(call), within);
    const { session } = within;
    const repository = new Repository({ ...repositoryOptions(this.config), ...uncached(session) });
    return {
      bookkeeper: new Bookkeeper(execute, repository),
      trading: new Trading(execute, repository),
      execute: (items, options) => turns.run(() => this.#engine.execute(items, readMixed, options, within)),
      client: session.client,
    };
  }

  #executor(run: <Result>(call: () => Promise<Result>) => Promise<Result>, within?: Within): Executor {
    return <Type extends CommandType>(type: Type, items: readonly unknown[], options?: BatchOptions) => {
      const read: Reader = (_, fields) => commands[type](fields);
      return run(() => this.#engine.execute<DataOf<Type>>(items, read, options, within));
    };
  }
}

/** What a Pincex is put together from, and closes. */
interface Parts {
  readonly database: Database;
  readonly replica: Database | null;
  readonly server: EmbeddedServer | null;
  readonly cache: Cache;
}

function repositoryOptions({ database: { optimizedRepository } }: Config) {
  const { orderTtlMs, tradeTtlMs, userOrdersTtlMs, accountTtlMs, ttl, batchSize } = optimizedRepository;
  const ttlMs = {
    accounts: accountTtlMs,
    orders: orderTtlMs,
    userOrders: userOrdersTtlMs,
    trades: tradeTtlMs,
  };
  return { ttlMs, ttl, batchSize };
}

/** The embedded server is Pincex's own to migrate; one of the operator's is not, so that is only checked. */
function prepareSchema(url: string, isOwn: boolean): Promise<void> {
  return withClient(url, async (client) => {
    if (isOwn) await migrateUp(client);
    const states = await migrationStatus(client);
    const behind = states.find(({ state }) => state !== 'applied');
    if (behind === undefined) return;
    throw new PincexError(
      'migration_failed',
      `Migration ${behind.version} (${behind.name}) is ${behind.state} in this database: run "pincex migrate up"`,
    );
  });
}

const COMMANDS = Object.keys(commands) as CommandType[];

function readMixed(_: object, fields: Fields) {
  return commands[fields.oneOf('invalid_item', 'command', COMMANDS)](fields);
}
