import { audit, type AuditReport } from './audit/audit.ts';
import type { Books } from './books/books.ts';
import { KnownCodes } from './catalog/knownCodes.ts';
import { CatalogStore } from './catalog/store.ts';
import type { CommandType, DataOf, MixedItem } from './commands/index.ts';
import { requireComplete } from './config/complete.ts';
import { loadConfig, type Config } from './config/load.ts';
import { withClient } from './database/client.ts';
import {
  Database,
  type ServerName,
  type Session,
  type StatementRun,
  type TransactionClient,
} from './database/database.ts';
import { failureOf } from './database/failures.ts';
import { Attempts, persistentReads, persistently } from './database/retry.ts';
import { withoutPassword } from './database/url.ts';
import { startEmbeddedServer, type EmbeddedServer } from './embedded/server.ts';
import { describe } from './describe.ts';
import { diagnose } from './doctor/doctor.ts';
import type { DoctorReport } from './doctor/report.ts';
import { Engine, STRATEGIES, type BatchOptions, type Strategy, type Within } from './engine/engine.ts';
import { readerOf } from './engine/read.ts';
import { PincexError } from './errors.ts';
import { ApiKeys } from './apiKeys/store.ts';
import { namesOf, readOptions } from './known.ts';
import { DebugLog, type Logger } from './logging.ts';
import { defaultFolder, readMigrations } from './migrations/files.ts';
import { ping, type AppliedRow } from './migrations/history.ts';
import { migrateUp, migrationStatus } from './migrations/runner.ts';
import { requireApplied, requireSchema } from './migrations/states.ts';
import type { AccountView } from './reads/accounts.ts';
import type { JournalEntryView } from './reads/journal.ts';
import type { OperationView } from './reads/operations.ts';
import type { OrderView } from './reads/orders.ts';
import type { TradeView } from './reads/trades.ts';
import type { Cache } from './repository/cache.ts';
import { changesOf, doubtfulChangesOf } from './repository/changes.ts';
import { keyspaceOf } from './repository/keyspace.ts';
import { ProcessCache } from './repository/processCache.ts';
import { RedisCache } from './repository/redisCache.ts';
import { Replica } from './repository/replica.ts';
import { Repository, uncached, type ReadRun } from './repository/repository.ts';
import type { BatchResult } from './results.ts';
import { Bookkeeper } from './services/bookkeeper.ts';
import { Calls, Turns } from './services/calls.ts';
import type { Executor } from './services/executor.ts';
import { Sweeper, type Swept } from './services/sweeper.ts';
import { Trading } from './services/trading.ts';
import { Reporter } from './statistics/reporter.ts';
import { Statistics, type CacheStore } from './statistics/statistics.ts';
import { accounts, journal, operations, orders, trades, type Source } from './streams/sources.ts';
import { KeysetStream, type Read, type RowStream, type StreamOptions } from './streams/stream.ts';
import { exactly, refuseSurplus } from './surplus.ts';

export interface PincexOptions {
  /** Default: `pincex.yaml` of the working folder, and the environment over it. */
  readonly config?: Config | undefined;
  /** `auto`, unless one way of keeping batches apart is to be measured or tested by itself. */
  readonly strategy?: Strategy | undefined;
  /** Told of every statement once it has run. */
  readonly onStatement?: ((run: StatementRun) => void) | undefined;
  /** Takes the debug logs, where `enable_debug_logs` is on. Default: JSON lines on standard error. */
  readonly logger?: Logger | undefined;
  /** Told of every batch of keys that was looked up in the cache. */
  readonly onCacheRead?: ((run: ReadRun) => void) | undefined;
  /** Told what is done while the embedded server starts. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** What runs inside one transaction of the caller's. */
export interface PincexTransaction {
  /** As {@link Pincex.bookkeeper}, in this transaction. */
  readonly bookkeeper: Bookkeeper;
  /** As {@link Pincex.trading}, in this transaction. */
  readonly trading: Trading;
  /** As {@link Pincex.execute}, in this transaction. */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>>;
  /**
   * The connection of the transaction, for statements of the caller's own. Columns come as the texts PostgreSQL
   * prints, and the planner settings of batches hold: without pg_hint_plan, sequential scans, hash and merge joins
   * are off. Behind a pooler leave nothing in the session: no `SET` without `LOCAL`, no named statements.
   */
  readonly client: TransactionClient;
}

/** By this `console.log` asks; named as text, so that the types of the package need none of Node.js. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** An exchange's books. One for a process; close it when done. */
export class Pincex {
  /** What it was opened with. */
  readonly config: Config;
  /** Accounts and funds. */
  readonly bookkeeper: Bookkeeper;
  /** Orders and trades. */
  readonly trading: Trading;
  /** Currencies and markets. */
  readonly catalog: CatalogStore;
  /** Where the books are, `postgres://…`: the configured server, or the embedded one; to be shown, without its password. */
  readonly url: string;
  /** The keys of the HTTP service. */
  readonly apiKeys: ApiKeys;
  /**
   * The pool, for tables beside the books: the service keeps its keys and its calls there. Closing waits for it.
   *
   * @internal
   */
  readonly session: Session;
  /** What this process counts about itself. */
  readonly statistics: Statistics;
  /**
   * Fulfilled once the embedded server has ended; never where it is a server of one's own.
   *
   * @internal
   */
  readonly serverEnded: Promise<void>;
  readonly #connectionString: string;
  readonly #database: Database;
  readonly #replica: Database | null;
  readonly #repository: Repository;
  readonly #engine: Engine;
  readonly #server: EmbeddedServer | null;
  readonly #reporter: Reporter;
  readonly #migrations = readMigrations(defaultFolder);
  readonly #calls = new Calls();
  #closing: Promise<void> | undefined;

  private constructor(
    config: Config,
    url: string,
    { database, replica, server, cache, statistics, log }: Parts,
    { strategy = 'auto', onCacheRead }: PincexOptions,
  ) {
    this.config = config;
    this.url = withoutPassword(url);
    this.#connectionString = url;
    this.statistics = statistics;
    this.#database = database;
    this.#replica = replica;
    this.#server = server;
    this.serverEnded = server?.ended ?? new Promise(() => undefined);
    void this.serverEnded.then(() => {
      database.giveUp();
    });
    this.session = { query: (statement, values) => this.#calls.run(() => database.query(statement, values)) };
    this.catalog = new CatalogStore(database);
    this.apiKeys = new ApiKeys(this.session);
    this.#reporter = new Reporter(url, statistics, (session) => this.catalog.readAhead(session));
    const tracing = log && {
      trace: <Result>(id: string, work: () => Promise<Result>) => log.trace(id, work),
    };
    this.#repository = new Repository({
      primary: database,
      reads: persistentReads(database),
      replica: replica && new Replica(replica),
      cache,
      ...repositoryOptions(config),
      onRead(run) {
        statistics.cacheReads(run.kind, run.hits, run.keys - run.hits);
        log?.read(run, database.poolState);
        onCacheRead?.(run);
      },
      ...tracing,
    });
    this.#engine = new Engine(database, this.catalog, strategy, {
      publish: (books, state) =>
        this.#repository.publish(state === 'committed' ? changesOf(books) : doubtfulChangesOf(books)),
      onBatch(result) {
        statistics.batch(result.counts.total, result.durationMs);
        log?.batch(result, database.poolState);
      },
      ...tracing,
    });
    const execute = this.#executor((call) => this.#calls.run(call));
    const codes = new KnownCodes(this.catalog);
    this.bookkeeper = new Bookkeeper(execute, this.#repository, codes);
    this.trading = new Trading(execute, this.#repository, codes);
  }

  /**
   * Opens the books. Without `database.url` it starts the embedded server, or uses the one that another process
   * started for the same data folder, and migrates it; a server of your own you migrate with `pincex migrate up`.
   *
   * @throws PincexError `invalid_argument`, `invalid_configuration`, `server_not_startable`, `migration_failed`,
   * `database_unavailable`
   */
  static async open(options?: PincexOptions): Promise<Pincex> {
    const known = readOptions('Pincex.open', options, OPTIONS);
    requireStrategy(known.strategy);
    const config = known.config == null ? loadConfig() : requireComplete(known.config);
    const { url: ownUrl, readUrl, pool, optimizedRepository } = config.database;
    const server =
      ownUrl === null
        ? await startEmbeddedServer({
            dataDir: config.dataDir,
            ...(known.onProgress && { onProgress: known.onProgress }),
          })
        : null;
    const url = ownUrl ?? server?.url ?? '';
    const log = optimizedRepository.enableDebugLogs
      ? new DebugLog(optimizedRepository.logValues, known.logger)
      : undefined;
    const cacheStore = storeOf(config);
    const statistics = new Statistics({ poolMax: pool.max, cacheStore });
    const connect = (to: string, server: ServerName): Database =>
      new Database({
        url: to,
        server,
        ...pool,
        statistics,
        queryHints: optimizedRepository.enableQueryHints,
        onStatement(run) {
          log?.statement(run);
          known.onStatement?.(run);
        },
      });
    const database = connect(url, 'primary');
    const replica = readUrl === null ? null : connect(readUrl, 'replica');
    let cache: Cache | undefined;
    try {
      await prepareSchema(url, server !== null, pool);
      cache =
        config.redis === null
          ? new ProcessCache()
          : new RedisCache(config.redis, await keyspaceOf(database), (error) => {
              statistics.cacheFailure();
              log?.cacheFailure(error);
            });
      const parts = { database, replica, server, cache, statistics, log };
      const pincex = new Pincex(config, url, parts, known);
      await pincex.catalog.get();
      await pincex.#reporter.start();
      return pincex;
    } catch (error) {
      await cache?.close();
      await Promise.all([database.close(), replica?.close()]);
      await server?.stop();
      throw error;
    }
  }

  /** What a driver connects by: {@link url} with its password. */
  get connectionString(): string {
    return this.#connectionString;
  }

  /** What `JSON.stringify` shows of it. The configuration has passwords. */
  toJSON(): Pick<Pincex, 'url'> {
    return { url: this.url };
  }

  /** What `console.log` shows of it. */
  [INSPECT](): string {
    return `Pincex ${this.url}`;
  }

  /**
   * Runs a batch that mixes commands, such as a lock, an order and a trade; each item names its `command`.
   *
   * @throws PincexError where the whole call fails: see `docs/results-and-errors.md`
   */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>> {
    return this.#calls.run(() => this.#engine.execute(items, readerOf(), options));
  }

  /**
   * Runs `work` in one transaction: its batches, and statements of the caller's, are committed together when it
   * returns and rolled back together when it throws. Batches lock their rows until then, so keep it short. After
   * a deadlock or a serialization failure nothing has been written, and `work` is run again from its beginning.
   *
   * @throws PincexError `invalid_argument`, `conflict`, `database_unavailable`, `database_refused`, `outcome_unknown`,
   * `transaction_aborted`, also for statements on `tx.client`: the error of the driver is then its `cause`; and whatever else
   * `work` throws
   */
  async transaction<Result>(work: (tx: PincexTransaction) => Promise<Result>): Promise<Result> {
    requireFunction('work', work);
    const attempts = new Attempts();
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
      return await this.#calls.run(() => persistently(attempt, ['collision'], attempts));
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'collision') {
        const message = `The transaction lost against others ${attempts.lost}; nothing of it was written`;
        throw new PincexError('conflict', message, { cause: error });
      }
      if (failure !== 'disconnected' || !progress.isWorkDone) throw error;
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

  /**
   * Whether the books can be reached, on a server that takes writes, and their schema is that of this version.
   *
   * @throws PincexError `database_unavailable`, `database_refused`, `pool_exhausted`, `migration_failed`
   */
  async ping(): Promise<void> {
    await this.#calls.run(() => this.#database.ping());
    await requireSchema(this.#migrations, () => this.session.query<AppliedRow>(ping));
  }

  /**
   * Proves the books from the tables alone.
   *
   * @throws PincexError `database_unavailable`, `migration_failed` where the schema is not that of this version
   */
  audit(): Promise<AuditReport> {
    return this.#calls.run(() => audit(this.#database, this.#migrations));
  }

  /**
   * Looks for what troubles the database and the processes that use it, and says what to do.
   *
   * @throws PincexError `database_unavailable`
   */
  doctor(): Promise<DoctorReport> {
    return this.#calls.run(async () => {
      // What this process counted until now is looked at too.
      await this.#reporter.report();
      const { optimizedRepository, readUrl } = this.config.database;
      return diagnose({
        url: this.#connectionString,
        queryHints: optimizedRepository.enableQueryHints,
        readUrl,
        idempotencyRoom: this.config.service.idempotencyRoom,
      });
    });
  }

  /**
   * Every account, by user and currency, in flat memory. See {@link RowStream} for what it sees.
   *
   * @throws PincexError `invalid_argument`
   */
  streamAccounts(options?: StreamOptions): RowStream<AccountView> {
    return this.#stream(accounts, options);
  }

  /** Every order, by user and id, as {@link streamAccounts}. */
  streamOrders(options?: StreamOptions): RowStream<OrderView> {
    return this.#stream(orders, options);
  }

  /** Both sides of every trade, by user, id and side, as {@link streamAccounts}. */
  streamTrades(options?: StreamOptions): RowStream<TradeView> {
    return this.#stream(trades, options);
  }

  /** Every step of every account, by user, currency and version, as {@link streamAccounts}. */
  streamJournal(options?: StreamOptions): RowStream<JournalEntryView> {
    return this.#stream(journal, options);
  }

  /** Every item that was applied, and who sent it, by user, kind and id, as {@link streamAccounts}. */
  streamOperations(options?: StreamOptions): RowStream<OperationView> {
    return this.#stream(operations, options);
  }

  /**
   * Waits for what is under way, closes the connections, and stops the embedded server unless another process uses it.
   * Calling it again waits for the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#calls.close();
    await this.#repository.close();
    await this.#reporter.close();
    await Promise.all([this.#database.close(), this.#replica?.close()]);
    await this.#server?.stop();
  }

  #stream<View>(source: Source<View>, options?: StreamOptions): RowStream<View> {
    const read: Read = (work) => this.#repository.readDirectly(work);
    return new KeysetStream(source, read, this.#calls, options);
  }

  #within(within: Within, turns: Turns): PincexTransaction {
    const execute = this.#executor((call) => turns.run(call), within);
    const { session } = within;
    const repository = new Repository({ ...repositoryOptions(this.config), ...uncached(session) });
    const codes = new KnownCodes(this.catalog, session);
    return {
      bookkeeper: new Bookkeeper(execute, repository, codes),
      trading: new Trading(execute, repository, codes),
      execute: exactly('execute', (items, options) =>
        turns.run(() => this.#engine.execute(items, readerOf(), options, within)),
      ),
      client: session.client,
    };
  }

  #executor(run: <Result>(call: () => Promise<Result>) => Promise<Result>, within?: Within): Executor {
    return <Type extends CommandType>(type: Type, items: readonly unknown[], options?: BatchOptions) => {
      const read = readerOf(type);
      return run(() => this.#engine.execute<DataOf<Type>>(items, read, options, within));
    };
  }
}

refuseSurplus(Pincex);

const OPTIONS = namesOf<PincexOptions>({
  config: true,
  strategy: true,
  onStatement: true,
  logger: true,
  onCacheRead: true,
  onProgress: true,
});

function requireStrategy(strategy: unknown): void {
  if (strategy === undefined || STRATEGIES.some((known) => known === strategy)) return;
  const message = `strategy must be one of ${STRATEGIES.join(', ')}: got ${describe(strategy)}`;
  throw new PincexError('invalid_argument', message);
}

function requireFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new PincexError('invalid_argument', `${name} must be a function: got ${describe(value)}`);
}

/** What a Pincex is put together from, and closes. */
interface Parts {
  readonly database: Database;
  readonly replica: Database | null;
  readonly server: EmbeddedServer | null;
  readonly cache: Cache;
  readonly statistics: Statistics;
  readonly log: DebugLog | undefined;
}

function storeOf(config: Config): CacheStore {
  if (Object.values(repositoryOptions(config).ttlMs).every((ttl) => ttl === 0)) return 'off';
  return config.redis === null ? 'process' : 'redis';
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
function prepareSchema(url: string, isOwn: boolean, bounds: Config['database']['pool']): Promise<void> {
  const config = {
    connectionString: url,
    connectionTimeoutMillis: bounds.connectionTimeoutMs,
    // A migration takes as long as it takes; a look at the history does not.
    ...(!isOwn && { query_timeout: bounds.statementTimeoutMs }),
  };
  return withClient(config, async (client) => {
    if (isOwn) await migrateUp(client);
    requireApplied(await migrationStatus(client));
  });
}
