import path from 'node:path';
import type { z } from 'zod';
import { PincexError } from '../errors.ts';
import { namesOf, nearest, readOptions } from '../known.ts';
import type { Address } from './address.ts';
import { configVariable, readEnvironment, unknownVariables } from './environment.ts';
import { type FileValues, isEmptySection, readConfigFile } from './file.ts';
import { type KeyPath, keyPaths, configKeys, type KeyValue, secretKeys, variableOf } from './configKeys.ts';
import { shown, shownKey } from './shown.ts';

/** The configuration of Pincex, complete and checked. */
export interface Config {
  /** The absolute path of the folder for the embedded server and other data of Pincex. */
  readonly dataDir: string;
  readonly database: {
    /** The URL of your own server, or null for the embedded one. */
    readonly url: string | null;
    /** The URL of a streaming replica for reads, or null. */
    readonly readUrl: string | null;
    readonly pool: {
      /** The maximum number of connections, 1 to 1,000. */
      readonly max: number;
      /** How long a call waits for a free connection. */
      readonly connectionTimeoutMs: number;
      /** Calls that may wait for a free connection at the same time, 0 to 100,000. */
      readonly maxWaiting: number;
      /** The idle time after which a connection is closed. */
      readonly idleTimeoutMs: number;
      /** The time after which PostgreSQL cancels a statement. */
      readonly statementTimeoutMs: number;
    };
    readonly optimizedRepository: {
      /** How long orders stay in the cache; 0 for no caching. The next three are for other rows. */
      readonly orderTtlMs: number;
      readonly tradeTtlMs: number;
      readonly userOrdersTtlMs: number;
      readonly accountTtlMs: number;
      /** Whether these times are fixed, or adapted to how fast a row changes. */
      readonly ttl: 'adaptive' | 'fixed';
      /** The default number of items in a batch, 1 to 10,000. */
      readonly batchSize: number;
      /** Whether hints, or planner settings, pin the plans that use the indexes. */
      readonly enableQueryHints: boolean;
      /** Whether each statement is logged with its time and rows. */
      readonly enableDebugLogs: boolean;
      /** Whether these logs show the values of statements: ids and amounts. */
      readonly logValues: boolean;
    };
  };
  /** The cache that processes share, or null if each has its own. */
  readonly redis: RedisConfig | null;
  readonly service: ServiceConfig;
  readonly alerts: AlertsConfig;
}

/** Thresholds of alerts. A threshold that is null raises no alert. */
export interface AlertsConfig {
  /** The least percentage of operations that succeed. */
  readonly successRate: number | null;
  /** The most that 95% and 99% of the operations may take. */
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** How many times as high as in the hour before the share of failed operations may be. */
  readonly errorRateJump: number | null;
  /** The percentage of the connections of the pool that may be in use. */
  readonly poolUse: number | null;
  /** Calls a minute that may wait for a connection. */
  readonly poolWaits: number | null;
  /** By what percentage the hit rate of the cache may be below that of the hour before. */
  readonly cacheHitRateDrop: number | null;
  /** How far a replica may be behind. */
  readonly replicaLagMs: number | null;
  /** How long ago a hold may have expired without being returned. */
  readonly holdsOverdueMs: number | null;
  /** Whether an audit that found something raises an alert. */
  readonly audit: boolean;
  /** Whether each check of the doctor that hurts raises an alert. */
  readonly doctor: boolean;
  /** How long a threshold has to be exceeded before an alert fires, and left before it is resolved; 0: at once. */
  readonly forMs: number;
  /** By what percentage of the threshold the value has to be below it before an alert is resolved. */
  readonly hysteresis: number;
  /** Receives the alerts, signed with the secret, as Standard Webhooks describes; null: none are sent. */
  readonly webhook: { readonly url: string; readonly secret: string } | null;
}

/** The HTTP service that `pincex start` runs. */
export interface ServiceConfig {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Absolute paths of the certificate chain and its key in PEM. Without both, the service speaks plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** The maximum size of a request's body in bytes. */
  readonly bodyLimit: number;
  /** Calls that work at the same time, that wait for their turn, and for how long. */
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
  readonly queueTimeoutMs: number;
  /** Items that an API key without its own rate limit may send in a second; null for any number. */
  readonly itemsPerSecond: number | null;
  /** How long the outcome of a call is stored, to answer the same call again. */
  readonly idempotencyRetentionMs: number;
  /** The bytes that stored outcomes of all API keys may take. A key that is the only one may take a quarter. */
  readonly idempotencyRoom: number;
  /** How long the service goes on taking calls after a signal to stop, while its readiness check fails. */
  readonly drainDelayMs: number;
  /** Origins of pages that may call the service from browsers. If the list is empty, only pages of its own origin may. */
  readonly corsOrigins: readonly string[];
  /** Whether each call is logged. */
  readonly accessLog: boolean;
  /** The API key that `pincex start` creates if the books have none; null for a random one, which it prints. */
  readonly firstKey: string | null;
}

/** Redis 7 or Valkey 7.2, or later. */
export interface RedisConfig {
  /** `redis://…` or `rediss://…`. It overrides host, port and database; in a cluster, only its credentials and TLS count. */
  readonly url: string | null;
  readonly host: string;
  readonly port: number;
  /** Some nodes of a cluster, or null if Redis is not a cluster. */
  readonly cluster: readonly Address[] | null;
  readonly database: number;
  /** The number of retries of a command within its timeout. */
  readonly maxRetries: number;
  /** The maximum number of connections, and the number that stays open. A cluster has one for each node. */
  readonly poolSize: number;
  readonly minIdleConnections: number;
}

export interface LoadConfigOptions {
  /** The folder of `pincex.yaml` and of relative paths. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The file to read in place of `pincex.yaml` and of PINCEX_CONFIG. It must be there. */
  readonly file?: string | undefined;
}

const OPTIONS = namesOf<LoadConfigOptions>({ cwd: true, env: true, file: true });

/**
 * Loads the configuration. The environment overrides the file, and the file overrides the defaults.
 *
 * @throws PincexError `invalid_argument`; `invalid_configuration`, whose message lists every wrong key, with its value and
 *   what it takes.
 */
export function loadConfig(options?: LoadConfigOptions): Config {
  const known = readOptions('loadConfig', options, OPTIONS);
  const cwd = known.cwd ?? process.cwd();
  const env = known.env ?? process.env;
  const file = readConfigFile(cwd, known.file ?? configVariable(env));
  const environment = readEnvironment(env);
  const problems: string[] = [];

  function read<P extends KeyPath>(key: P): KeyValue<P> {
    const override = environment.get(key);
    const raw = override?.text ?? file.values.get(key);
    const parsed = configKeys[key].schema.safeParse(raw);
    if (!parsed.success) {
      const problem = parsed.error.issues.map(problemIn).find((text) => text !== undefined);
      problems.push(
        `${key}: ${secretKeys.has(key) ? '"***"' : shown(raw, key.endsWith('url'))} (${override?.variable ?? file.name}); ${problem ?? `it takes ${configKeys[key].takes}`}`,
      );
    }
    // After a problem the value is never used: the check below throws.
    return parsed.data as KeyValue<P>;
  }

  /** Redis is used if the configuration has any of its keys. */
  function readRedis(): RedisConfig | null {
    const redis = {
      url: read('redis.url'),
      host: read('redis.host'),
      port: read('redis.port'),
      cluster: read('redis.cluster'),
      database: read('redis.database'),
      maxRetries: read('redis.max_retries'),
      poolSize: read('redis.pool_size'),
      minIdleConnections: read('redis.min_idle_conns'),
    };
    const isGiven = keyPaths.some(
      (path) => path.startsWith('redis.') && (environment.has(path) || file.values.get(path) !== undefined),
    );
    return isGiven ? redis : null;
  }

  function readTls(): ServiceConfig['tls'] {
    const cert = read('service.tls_cert');
    const key = read('service.tls_key');
    if (cert !== null && key !== null) return { cert: path.resolve(cwd, cert), key: path.resolve(cwd, key) };
    if (cert !== key) problems.push('service.tls_cert and service.tls_key: they go together; one is missing');
    return null;
  }

  function readWebhook(): AlertsConfig['webhook'] {
    const url = read('alerts.webhook_url');
    const secret = read('alerts.webhook_secret');
    if (url !== null && secret !== null) return { url, secret };
    if (url !== secret)
      problems.push('alerts.webhook_url and alerts.webhook_secret: they go together; one is missing');
    return null;
  }

  const config: Config = {
    dataDir: read('data_dir'),
    database: readDatabase(read),
    redis: readRedis(),
    service: readService(read, readTls),
    alerts: readAlerts(read, readWebhook),
  };

  const unknown = [...unknownKeys(file), ...unknownVariables(env).map(unknownVariable)];
  if (problems.length + unknown.length > 0) throw invalid(problems, unknown);
  return { ...config, dataDir: path.resolve(cwd, config.dataDir) };
}

/** Reads the value of a key. */
type Read = <P extends KeyPath>(key: P) => KeyValue<P>;

const readDatabase = (read: Read): Config['database'] => ({
  url: read('database.url'),
  readUrl: read('database.read_url'),
  pool: {
    max: read('database.pool.max'),
    connectionTimeoutMs: read('database.pool.connection_timeout'),
    maxWaiting: read('database.pool.max_waiting'),
    idleTimeoutMs: read('database.pool.idle_timeout'),
    statementTimeoutMs: read('database.pool.statement_timeout'),
  },
  optimizedRepository: {
    orderTtlMs: read('database.optimized_repository.order_cache_ttl'),
    tradeTtlMs: read('database.optimized_repository.trade_cache_ttl'),
    userOrdersTtlMs: read('database.optimized_repository.user_orders_ttl'),
    accountTtlMs: read('database.optimized_repository.account_cache_ttl'),
    ttl: read('database.optimized_repository.ttl'),
    batchSize: read('database.optimized_repository.batch_size'),
    enableQueryHints: read('database.optimized_repository.enable_query_hints'),
    enableDebugLogs: read('database.optimized_repository.enable_debug_logs'),
    logValues: read('database.optimized_repository.log_values'),
  },
});

const readService = (read: Read, readTls: () => ServiceConfig['tls']): ServiceConfig => ({
  host: read('service.host'),
  port: read('service.port'),
  tls: readTls(),
  bodyLimit: read('service.body_limit'),
  maxConcurrent: read('service.max_concurrent'),
  maxWaiting: read('service.max_waiting'),
  queueTimeoutMs: read('service.queue_timeout'),
  itemsPerSecond: read('service.items_per_second'),
  idempotencyRetentionMs: read('service.idempotency_retention'),
  idempotencyRoom: read('service.idempotency_room'),
  drainDelayMs: read('service.drain_delay'),
  corsOrigins: read('service.cors_origins'),
  accessLog: read('service.access_log'),
  firstKey: read('service.first_key'),
});

const readAlerts = (read: Read, readWebhook: () => AlertsConfig['webhook']): AlertsConfig => ({
  successRate: read('alerts.success_rate'),
  p95Ms: read('alerts.p95'),
  p99Ms: read('alerts.p99'),
  errorRateJump: read('alerts.error_rate_jump'),
  poolUse: read('alerts.pool_use'),
  poolWaits: read('alerts.pool_waits'),
  cacheHitRateDrop: read('alerts.cache_hit_rate_drop'),
  replicaLagMs: read('alerts.replica_lag'),
  holdsOverdueMs: read('alerts.holds_overdue'),
  audit: read('alerts.audit'),
  doctor: read('alerts.doctor'),
  forMs: read('alerts.for'),
  hysteresis: read('alerts.hysteresis'),
  webhook: readWebhook(),
});

/** The problem that a schema found in a value, if it tells more than the accepted values do. */
function problemIn(issue: z.core.$ZodIssue): string | undefined {
  const problem: unknown = issue.code === 'custom' ? issue.params?.['problem'] : undefined;
  return typeof problem === 'string' ? problem : undefined;
}

/** The sections that hold keys, such as `database` and `database.pool`. */
const sections = new Set(
  keyPaths.flatMap((path) => path.split('.').map((_, depth, parts) => parts.slice(0, depth).join('.'))),
);
sections.delete('');

function unknownKeys(file: FileValues): string[] {
  const problems: string[] = [];
  for (const [key, value] of file.values) {
    if (Object.hasOwn(configKeys, key)) continue;
    const isEmpty = value === undefined || isEmptySection(value);
    if (!sections.has(key)) {
      // A name without a value may be a misspelt key or section. Keys are compared first, since their names tell more.
      const near = nearestOf(key, isEmpty ? [...keyPaths, ...[...sections].reverse()] : keyPaths);
      problems.push(`${shownKey(key)}: unknown key (${file.name}); ${near}`);
    } else if (!isEmpty) {
      problems.push(`${key}: ${shown(value, true)} (${file.name}); it takes keys of its own`);
    }
  }
  return problems;
}

const unknownVariable = (name: string): string =>
  `${name}: unknown variable; ${nearestOf(name, keyPaths.map(variableOf))}`;

const nearestOf = (name: string, known: readonly string[]): string =>
  `the nearest is ${nearest(name, known) ?? ''}`;

function invalid(problems: string[], unknown: string[]): PincexError {
  const lines = [...problems, ...unknown].map((line) => `\n  ${line}`);
  const known = unknown.length > 0 ? `\nKnown keys: ${keyPaths.join(', ')}.` : '';
  return new PincexError('invalid_configuration', `The configuration is not valid:${lines.join('')}${known}`);
}
