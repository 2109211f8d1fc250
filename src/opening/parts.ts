import { changesOf, doubtfulChangesOf } from '../repository/cache/changes.ts';
import { Alerts } from '../alerts/store.ts';
import { ApiKeys } from '../apiKeys/store.ts';
import { KnownCodes } from '../catalog/knownCodes.ts';
import { CatalogStore } from '../catalog/store.ts';
import { requireComplete } from '../config/complete.ts';
import { loadConfig, type Config } from '../config/load.ts';
import { Database, type PoolState, type Session } from '../database/database.ts';
import { persistentReads } from '../database/retry.ts';
import { withoutPassword } from '../database/connection/url.ts';
import { Diagnostics, listen, type ServerName, type Stop } from '../diagnostics.ts';
import { startEmbeddedServer, type EmbeddedServer } from '../embedded/server.ts';
import { Engine } from '../engine/engine.ts';
import { DebugLog } from '../logging.ts';
import { defaultFolder, readMigrations, type Migration } from '../migrations/files.ts';
import { prepareSchema } from '../migrations/prepare.ts';
import { keyspaceOf } from '../repository/cache/keyspace.ts';
import { cacheStoreOf, repositoryOptions } from '../repository/options.ts';
import { ProcessCache } from '../repository/cache/processCache.ts';
import { RedisCache } from '../repository/redis/redisCache.ts';
import { Replica } from '../repository/replica.ts';
import { Repository } from '../repository/repository.ts';
import { Bookkeeper } from '../services/bookkeeper.ts';
import { Calls } from '../services/calls.ts';
import { executorOf, type Executor, type RunBatch } from '../services/executor.ts';
import { Lookup } from '../services/lookup.ts';
import { Sweeper } from '../services/sweeper.ts';
import { Trading } from '../services/trading.ts';
import { Transactions } from '../services/transaction.ts';
import { talliesOfOthers } from '../monitor/processes.ts';
import { Reporter } from '../monitor/reporter.ts';
import { Statistics } from '../monitor/statistics.ts';
import { startTelemetry, type EndTelemetry } from '../telemetry/telemetry.ts';
import { KeysetStream } from '../streams/stream.ts';
import type { StreamOpener } from '../streams/tableStreams.ts';
import { readPincexOptions, type PincexOptions } from './options.ts';

/** The parts that a Pincex consists of, each open until {@link Parts.close}. */
export interface Parts extends StreamOpener {
  readonly config: Config;
  /** Without its password. */
  readonly url: string;
  /** With its password. */
  readonly connectionString: string;
  readonly server: EmbeddedServer | null;
  readonly database: Database;
  /** The connections of each pool now. */
  readonly pools: () => PoolStates;
  readonly catalog: CatalogStore;
  readonly repository: Repository;
  readonly engine: Engine;
  readonly statistics: Statistics;
  /** Publishes the messages of all parts. */
  readonly diagnostics: Diagnostics;
  /** End the listening to the diagnostics; `close` calls them. */
  readonly stops: readonly (Stop | undefined)[];
  readonly reporter: Reporter;
  /** The calls in flight, which `close` waits for. */
  readonly calls: Calls;
  /** The pool; each query counts as a call, so that `close` waits for it. */
  readonly session: Session;
  readonly apiKeys: ApiKeys;
  readonly alerts: Alerts;
  /** Runs batches of callers. */
  readonly execute: Executor;
  /** Runs batches of the service. */
  readonly run: RunBatch;
  readonly bookkeeper: Bookkeeper;
  readonly trading: Trading;
  readonly lookup: Lookup;
  readonly transactions: Transactions;
  readonly sweeper: Sweeper;
  /** The migrations of this version. */
  readonly migrations: readonly Migration[];
  /** Waits for calls and reads in flight, writes the last report, closes the connections, and stops the embedded server. */
  close(): Promise<void>;
}

/** The replica has a pool if there is one. */
export type PoolStates = Readonly<Partial<Record<ServerName, PoolState>>>;

/** The servers and the connections to them, which {@link closeConnections} closes. */
interface OpenServers {
  readonly config: Config;
  /** With its password. */
  readonly connectionString: string;
  readonly server: EmbeddedServer | null;
  readonly database: Database;
  readonly replica: Database | null;
  readonly statistics: Statistics;
  readonly diagnostics: Diagnostics;
  /** End the listening to the diagnostics. */
  readonly stops: readonly (Stop | undefined)[];
  readonly endTelemetry: EndTelemetry | undefined;
}

/** Finds or starts the servers, checks the schema, and assembles the parts. */
export async function openParts(options?: PincexOptions): Promise<Parts> {
  const known = readPincexOptions(options);
  const connections = await connect(known);
  const { config, connectionString, server } = connections;
  let repository: Repository | undefined;
  try {
    await prepareSchema(connectionString, server !== null, config.database.pool);
    repository = await openRepository(connections);
    return await assemble(connections, repository, known);
  } catch (error) {
    await repository?.close();
    await closeConnections(connections);
    throw error;
  }
}

async function connect(known: PincexOptions): Promise<OpenServers> {
  const config = known.config == null ? loadConfig() : requireComplete(known.config);
  const { url, readUrl, pool, optimizedRepository } = config.database;
  const server = url === null ? await startServer(config, known) : null;
  const connectionString = url ?? server?.url ?? '';
  const { enableDebugLogs, logValues, enableQueryHints } = optimizedRepository;
  const log = enableDebugLogs ? new DebugLog(logValues, known.logger) : undefined;
  const diagnostics = new Diagnostics();
  const { onAlert } = known;
  const open = (url: string, server: ServerName): Database =>
    new Database({ url, server, ...pool, diagnostics, queryHints: enableQueryHints });
  const database = open(connectionString, 'primary');
  const statistics = new Statistics({
    poolMax: pool.max,
    cacheStore: cacheStoreOf(config),
    poolInUse: () => database.poolState.open - database.poolState.idle,
    others: (id) => talliesOfOthers(connectionString, id),
  });
  const replica = readUrl === null ? null : open(readUrl, 'replica');
  const stops = [
    statistics.listenTo(diagnostics.instance),
    log?.listenTo(diagnostics.instance, () => database.poolState),
    listen(diagnostics.instance, {
      ...(known.onStatement && { statement: known.onStatement }),
      ...(known.onCacheRead && { read: known.onCacheRead }),
      ...(onAlert && {
        alert: ({ alert }) => onAlert(alert),
      }),
    }),
  ];
  const endTelemetry = await startTelemetry(diagnostics.instance);
  void server?.ended.then(() => {
    database.giveUp();
  });
  return {
    config,
    connectionString,
    server,
    database,
    replica,
    statistics,
    diagnostics,
    stops,
    endTelemetry,
  };
}

async function openRepository({ config, database, replica, diagnostics }: OpenServers): Promise<Repository> {
  return new Repository({
    primary: database,
    reads: persistentReads(database),
    replica: replica && new Replica(replica),
    cache:
      config.redis === null
        ? new ProcessCache()
        : new RedisCache(config.redis, await keyspaceOf(database), diagnostics),
    ...repositoryOptions(config),
    diagnostics,
  });
}

async function assemble(
  connections: OpenServers,
  repository: Repository,
  { strategy = 'auto' }: PincexOptions,
): Promise<Parts> {
  const { config, connectionString, database, replica, statistics, diagnostics } = connections;
  const catalog = new CatalogStore(database);
  const engine = new Engine(database, catalog, strategy, {
    publish: (books, state) =>
      repository.publish(state === 'committed' ? changesOf(books) : doubtfulChangesOf(books)),
    diagnostics,
  });
  await catalog.get();
  const reporter = new Reporter(connectionString, statistics, (session) => catalog.readAhead(session));
  await reporter.start();
  const calls = new Calls();
  const session: Session = {
    query: (statement, values) => calls.run(() => database.query(statement, values)),
  };
  const execute = executorOf(engine, (call) => calls.run(call));
  const codes = new KnownCodes(catalog);
  const readOptions = { ...repositoryOptions(config), diagnostics };
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    await calls.close();
    await repository.close();
    await reporter.close();
    await closeConnections(connections);
  };
  return {
    ...connections,
    url: withoutPassword(connectionString),
    pools: () => ({ primary: database.poolState, ...(replica && { replica: replica.poolState }) }),
    catalog,
    repository,
    engine,
    reporter,
    calls,
    session,
    apiKeys: new ApiKeys(session),
    alerts: new Alerts(session),
    execute,
    run: (type, items, settings) => calls.run(() => engine.run(type, items, settings)),
    bookkeeper: new Bookkeeper(execute, repository, codes),
    trading: new Trading(execute, repository, codes),
    lookup: new Lookup(repository, codes),
    transactions: new Transactions({ database, catalog, engine, repository, readOptions }),
    sweeper: new Sweeper(database, catalog, engine),
    migrations: readMigrations(defaultFolder),
    stream: (source, options) =>
      new KeysetStream(
        source,
        (work) => repository.readDirectly(`stream_${source.name}`, 1, work),
        calls,
        options,
      ),
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

async function closeConnections({
  database,
  replica,
  server,
  stops,
  endTelemetry,
}: OpenServers): Promise<void> {
  await Promise.all([database.close(), replica?.close()]);
  for (const stop of stops) stop?.();
  await endTelemetry?.();
  await server?.stop();
}

function startServer({ dataDir }: Config, { onProgress }: PincexOptions): Promise<EmbeddedServer> {
  return startEmbeddedServer({ dataDir, ...(onProgress && { onProgress }) });
}
