import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { PincexError } from '../../src/errors.ts';
import { temporaryFolder } from '../support/folders.ts';

let cwd: string;
beforeEach(() => {
  cwd = temporaryFolder('config');
});

const KEY = `pincex_${'a'.repeat(16)}_${'0'.repeat(64)}`;

const SECRET = `whsec_${'A'.repeat(32)}`;

function write(yaml: string, name = 'pincex.yaml'): void {
  writeFileSync(path.join(cwd, name), yaml);
}

function load(env: NodeJS.ProcessEnv = {}) {
  return loadConfig({ cwd, env });
}

function problemsOf(env: NodeJS.ProcessEnv = {}, file?: string): string {
  try {
    loadConfig({ cwd, env, ...(file === undefined ? {} : { file }) });
  } catch (error) {
    expect(error).toBeInstanceOf(PincexError);
    expect((error as PincexError).code).toBe('invalid_configuration');
    return (error as PincexError).message;
  }
  throw new Error('The configuration was accepted');
}

describe('a configuration without a file and without variables', () => {
  it('every key of an empty configuration has its default', () => {
    expect(load()).toEqual({
      dataDir: path.join(cwd, '.pincex'),
      database: {
        url: null,
        readUrl: null,
        pool: {
          max: 10,
          connectionTimeoutMs: 10_000,
          maxWaiting: 1_000,
          idleTimeoutMs: 30_000,
          statementTimeoutMs: 60_000,
        },
        optimizedRepository: {
          orderTtlMs: 30_000,
          tradeTtlMs: 120_000,
          userOrdersTtlMs: 15_000,
          accountTtlMs: 60_000,
          ttl: 'adaptive',
          batchSize: 100,
          enableQueryHints: true,
          enableDebugLogs: false,
          logValues: false,
        },
      },
      redis: null,
      service: {
        host: '127.0.0.1',
        port: 8_080,
        tls: null,
        bodyLimit: 8_388_608,
        maxConcurrent: 10,
        maxWaiting: 100,
        queueTimeoutMs: 1_000,
        itemsPerSecond: 100_000,
        idempotencyRetentionMs: 86_400_000,
        idempotencyRoom: 34_359_738_368,
        drainDelayMs: 1_000,
        corsOrigins: [],
        accessLog: false,
        firstKey: null,
      },
      alerts: {
        successRate: 95,
        p95Ms: 500,
        p99Ms: 1_000,
        errorRateJump: 3,
        poolUse: 80,
        poolWaits: 10,
        cacheHitRateDrop: 20,
        replicaLagMs: 10_000,
        holdsOverdueMs: 60_000,
        audit: true,
        doctor: true,
        forMs: 60_000,
        hysteresis: 10,
        webhook: null,
      },
    });
  });
});

describe('the configuration file', () => {
  it('the file sets every key', () => {
    write(`
data_dir: data
database:
  url: postgresql://me:secret@db.example:5433/exchange?sslmode=require
  read_url: postgresql://me:secret@replica.example/exchange
  pool: { max: 20, connection_timeout: 500ms, max_waiting: 0, idle_timeout: 2m, statement_timeout: 5s }
  optimized_repository:
    order_cache_ttl: 1m
    trade_cache_ttl: 1h
    user_orders_ttl: 0s
    account_cache_ttl: 500ms
    ttl: fixed
    batch_size: 250
    enable_query_hints: false
    enable_debug_logs: true
    log_values: true
redis:
  url: rediss://me:secret@cache.example/2
  host: cache.example
  port: 6380
  cluster: [10.0.0.1:6379, '[::1]:6380']
  database: 2
  max_retries: 0
  pool_size: 20
  min_idle_conns: 1
service:
  host: '::'
  port: 443
  tls_cert: cert.pem
  tls_key: key.pem
  body_limit: 1048576
  max_concurrent: 4
  max_waiting: 0
  queue_timeout: 250ms
  items_per_second: 5000
  idempotency_retention: 48h
  idempotency_room: 1073741824
  drain_delay: 5s
  cors_origins: [https://app.example, 'http://localhost:3000']
  access_log: true
  first_key: ${KEY}
alerts:
  success_rate: 99.9
  p95: 250ms
  p99: none
  error_rate_jump: none
  pool_use: 90
  pool_waits: 0
  cache_hit_rate_drop: 50
  replica_lag: 1m
  holds_overdue: 5s
  audit: false
  doctor: false
  for: 0s
  hysteresis: 0.5
  webhook_url: https://pager.example/hook?team=7
  webhook_secret: ${SECRET}
`);
    expect(load()).toEqual({
      dataDir: path.join(cwd, 'data'),
      database: {
        url: 'postgresql://me:secret@db.example:5433/exchange?sslmode=require',
        readUrl: 'postgresql://me:secret@replica.example/exchange',
        pool: {
          max: 20,
          connectionTimeoutMs: 500,
          maxWaiting: 0,
          idleTimeoutMs: 120_000,
          statementTimeoutMs: 5_000,
        },
        optimizedRepository: {
          orderTtlMs: 60_000,
          tradeTtlMs: 3_600_000,
          userOrdersTtlMs: 0,
          accountTtlMs: 500,
          ttl: 'fixed',
          batchSize: 250,
          enableQueryHints: false,
          enableDebugLogs: true,
          logValues: true,
        },
      },
      redis: {
        url: 'rediss://me:secret@cache.example/2',
        host: 'cache.example',
        port: 6_380,
        cluster: [
          { host: '10.0.0.1', port: 6_379 },
          { host: '::1', port: 6_380 },
        ],
        database: 2,
        maxRetries: 0,
        poolSize: 20,
        minIdleConnections: 1,
      },
      service: {
        host: '::',
        port: 443,
        tls: { cert: path.join(cwd, 'cert.pem'), key: path.join(cwd, 'key.pem') },
        bodyLimit: 1_048_576,
        maxConcurrent: 4,
        maxWaiting: 0,
        queueTimeoutMs: 250,
        itemsPerSecond: 5_000,
        idempotencyRetentionMs: 172_800_000,
        idempotencyRoom: 1_073_741_824,
        drainDelayMs: 5_000,
        corsOrigins: ['https://app.example', 'http://localhost:3000'],
        accessLog: true,
        firstKey: KEY,
      },
      alerts: {
        successRate: 99.9,
        p95Ms: 250,
        p99Ms: null,
        errorRateJump: null,
        poolUse: 90,
        poolWaits: 0,
        cacheHitRateDrop: 50,
        replicaLagMs: 60_000,
        holdsOverdueMs: 5_000,
        audit: false,
        doctor: false,
        forMs: 0,
        hysteresis: 0.5,
        webhook: { url: 'https://pager.example/hook?team=7', secret: SECRET },
      },
    });
  });

  it.each([
    '',
    '# nothing but a comment\n',
    'database:\n',
    'database:\n  url:\n  pool: {}\n',
    'database: {}\nredis: {}\n',
  ])('a file without values (%j) leaves the defaults', (yaml) => {
    write(yaml);
    expect(load().database.pool.max).toBe(10);
    expect(load().database.url).toBeNull();
  });

  it('PINCEX_CONFIG names another file', () => {
    write('database: { pool: { max: 3 } }', 'other.yaml');
    expect(load({ PINCEX_CONFIG: 'other.yaml' }).database.pool.max).toBe(3);
  });

  it('a file that the caller names takes precedence over PINCEX_CONFIG', () => {
    write('database: { pool: { max: 3 } }', 'other.yaml');
    const config = loadConfig({ cwd, env: { PINCEX_CONFIG: 'none.yaml' }, file: 'other.yaml' });
    expect(config.database.pool.max).toBe(3);
  });

  it('a named file that does not exist is refused', () => {
    expect(problemsOf({}, 'none.yaml')).toMatch(/^none\.yaml cannot be read: ENOENT/);
    expect(problemsOf({ PINCEX_CONFIG: 'none.yaml' })).toMatch(/^none\.yaml cannot be read: ENOENT/);
  });

  it('a file that is not valid YAML is refused with its name and line', () => {
    write('data_dir: x\ndatabase:\n  url: "never closed\n');
    expect(problemsOf()).toMatch(/^pincex\.yaml, line \d: Missing closing "quote/);
    write('data_dir: x\ndata_dir: y\n');
    expect(problemsOf()).toBe('pincex.yaml, line 2: Map keys must be unique');
  });

  it.each(['- a\n- b\n', 'just text\n', '42\n'])('a file that holds no keys (%j) is refused', (yaml) => {
    write(yaml);
    expect(problemsOf()).toContain('pincex.yaml takes keys with values');
  });
});

describe('the certificate of the service', () => {
  it.each(['tls_cert', 'tls_key'])('a certificate and its key go together: %s alone is refused', (key) => {
    write(`service: { ${key}: a.pem }`);
    expect(problemsOf()).toContain('service.tls_cert and service.tls_key: they go together; one is missing');
  });
});

describe('the settings of alerts', () => {
  it.each(['webhook_url: https://pager.example', `webhook_secret: ${SECRET}`])(
    'the URL and the secret of the webhook go together: %s alone is refused',
    (line) => {
      write(`alerts:\n  ${line}`);
      expect(problemsOf()).toContain(
        'alerts.webhook_url and alerts.webhook_secret: they go together; one is missing',
      );
    },
  );

  it.each([
    ['success_rate', '101', 'a percentage from 0 to 100, such as 95 or 99.9, or none'],
    ['success_rate', '95%', 'a percentage from 0 to 100, such as 95 or 99.9, or none'],
    ['p95', '500', 'a duration such as 500ms, 30s, 2m or 1h, up to 24 days, or none'],
    ['error_rate_jump', '1', 'a whole number from 2 to 1000, or none'],
    ['pool_use', '-1', 'a percentage from 0 to 100, such as 95 or 99.9, or none'],
    ['pool_waits', '0.5', 'a whole number from 0 to 1000000, or none'],
    ['audit', 'yes', 'true or false'],
    ['for', 'none', 'a duration such as 500ms, 30s, 2m or 1h, up to 24 days, or 0s for none'],
    ['hysteresis', 'none', 'a percentage from 0 to 100, such as 10 or 0.5'],
  ])('alerts.%s is refused as %j, with what it takes', (key, value, takes) => {
    const variable = `PINCEX_ALERTS_${key.toUpperCase()}`;
    expect(problemsOf({ [variable]: value })).toContain(
      `alerts.${key}: "${value}" (${variable}); it takes ${takes}`,
    );
  });

  it.each([
    ['webhook_url', 'ftp://pager.example/sesame'],
    ['webhook_url', 'https://me:sesame@pager.example'],
    ['webhook_url', 'pager.example/sesame'],
    ['webhook_secret', 'sesame'],
    ['webhook_secret', 'whsec_sesame'],
    ['webhook_secret', `whsec_sesame${'A'.repeat(84)}`],
  ])('alerts.%s is refused as %s, and the error does not show it', (key, value) => {
    const variable = `PINCEX_ALERTS_${key.toUpperCase()}`;
    const problems = problemsOf({ [variable]: value });
    expect(problems).toContain(`alerts.${key}: "***" (${variable}); it takes `);
    expect(problems).not.toContain('sesame');
  });

  it('an unknown key of alerts is refused with the nearest one', () => {
    write('alerts: { webhook: https://pager.example }');
    expect(problemsOf()).toContain(
      'alerts.webhook: unknown key (pincex.yaml); the nearest is alerts.webhook_url',
    );
    expect(problemsOf({ PINCEX_ALERTS_P90: '1s' })).toContain(
      'PINCEX_ALERTS_P90: unknown variable; the nearest is PINCEX_ALERTS_P9',
    );
  });
});

describe('the variables of the environment', () => {
  it('a variable takes precedence over the file', () => {
    write('database: { pool: { max: 20, idle_timeout: 1m } }');
    const { pool } = load({ PINCEX_DATABASE_POOL_MAX: '30' }).database;
    expect(pool).toMatchObject({ max: 30, connectionTimeoutMs: 10_000, idleTimeoutMs: 60_000 });
  });

  it('every key is set by the variable of PINCEX_ and its path', () => {
    expect(
      load({
        PINCEX_DATA_DIR: '/srv/pincex',
        PINCEX_DATABASE_URL: 'postgres://h/d',
        PINCEX_DATABASE_POOL_MAX: '1',
        PINCEX_DATABASE_POOL_CONNECTION_TIMEOUT: '1s',
        PINCEX_DATABASE_POOL_MAX_WAITING: '7',
        PINCEX_DATABASE_POOL_IDLE_TIMEOUT: '2s',
        PINCEX_DATABASE_POOL_STATEMENT_TIMEOUT: '3s',
        PINCEX_DATABASE_READ_URL: 'postgres://r/d',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_ORDER_CACHE_TTL: '1s',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_TRADE_CACHE_TTL: '2s',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_USER_ORDERS_TTL: '3s',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_ACCOUNT_CACHE_TTL: '0s',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_TTL: 'fixed',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_BATCH_SIZE: '5',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_ENABLE_QUERY_HINTS: 'false',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_ENABLE_DEBUG_LOGS: 'true',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_LOG_VALUES: 'true',
        PINCEX_REDIS_URL: 'redis://c',
        PINCEX_REDIS_HOST: 'h',
        PINCEX_REDIS_PORT: '1',
        PINCEX_REDIS_CLUSTER: 'a:1, b:2',
        PINCEX_REDIS_DATABASE: '3',
        PINCEX_REDIS_MAX_RETRIES: '4',
        PINCEX_REDIS_POOL_SIZE: '5',
        PINCEX_REDIS_MIN_IDLE_CONNS: '6',
        PINCEX_SERVICE_HOST: '0.0.0.0',
        PINCEX_SERVICE_PORT: '0',
        PINCEX_SERVICE_TLS_CERT: '/tls/cert.pem',
        PINCEX_SERVICE_TLS_KEY: '/tls/key.pem',
        PINCEX_SERVICE_BODY_LIMIT: '1024',
        PINCEX_SERVICE_MAX_CONCURRENT: '1',
        PINCEX_SERVICE_MAX_WAITING: '2',
        PINCEX_SERVICE_QUEUE_TIMEOUT: '3s',
        PINCEX_SERVICE_ITEMS_PER_SECOND: '4',
        PINCEX_SERVICE_IDEMPOTENCY_RETENTION: '5s',
        PINCEX_SERVICE_DRAIN_DELAY: '6s',
        PINCEX_SERVICE_CORS_ORIGINS: 'https://a.example, https://b.example:8443',
        PINCEX_SERVICE_ACCESS_LOG: 'true',
        PINCEX_SERVICE_IDEMPOTENCY_ROOM: '2000000',
        PINCEX_SERVICE_FIRST_KEY: KEY,
        PINCEX_ALERTS_SUCCESS_RATE: '99.9',
        PINCEX_ALERTS_P95: '250ms',
        PINCEX_ALERTS_P99: 'none',
        PINCEX_ALERTS_ERROR_RATE_JUMP: 'none',
        PINCEX_ALERTS_POOL_USE: '90',
        PINCEX_ALERTS_POOL_WAITS: '0',
        PINCEX_ALERTS_CACHE_HIT_RATE_DROP: '50',
        PINCEX_ALERTS_REPLICA_LAG: '1m',
        PINCEX_ALERTS_HOLDS_OVERDUE: '5s',
        PINCEX_ALERTS_AUDIT: 'false',
        PINCEX_ALERTS_DOCTOR: 'false',
        PINCEX_ALERTS_FOR: '0s',
        PINCEX_ALERTS_HYSTERESIS: '0.5',
        PINCEX_ALERTS_WEBHOOK_URL: 'https://pager.example/hook?team=7',
        PINCEX_ALERTS_WEBHOOK_SECRET: SECRET,
      }),
    ).toEqual({
      dataDir: '/srv/pincex',
      database: {
        url: 'postgres://h/d',
        readUrl: 'postgres://r/d',
        pool: {
          max: 1,
          connectionTimeoutMs: 1_000,
          maxWaiting: 7,
          idleTimeoutMs: 2_000,
          statementTimeoutMs: 3_000,
        },
        optimizedRepository: {
          orderTtlMs: 1_000,
          tradeTtlMs: 2_000,
          userOrdersTtlMs: 3_000,
          accountTtlMs: 0,
          ttl: 'fixed',
          batchSize: 5,
          enableQueryHints: false,
          enableDebugLogs: true,
          logValues: true,
        },
      },
      redis: {
        url: 'redis://c',
        host: 'h',
        port: 1,
        cluster: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
        database: 3,
        maxRetries: 4,
        poolSize: 5,
        minIdleConnections: 6,
      },
      service: {
        host: '0.0.0.0',
        port: 0,
        tls: { cert: '/tls/cert.pem', key: '/tls/key.pem' },
        bodyLimit: 1_024,
        maxConcurrent: 1,
        maxWaiting: 2,
        queueTimeoutMs: 3_000,
        itemsPerSecond: 4,
        idempotencyRetentionMs: 5_000,
        idempotencyRoom: 2_000_000,
        drainDelayMs: 6_000,
        corsOrigins: ['https://a.example', 'https://b.example:8443'],
        accessLog: true,
        firstKey: KEY,
      },
      alerts: {
        successRate: 99.9,
        p95Ms: 250,
        p99Ms: null,
        errorRateJump: null,
        poolUse: 90,
        poolWaits: 0,
        cacheHitRateDrop: 50,
        replicaLagMs: 60_000,
        holdsOverdueMs: 5_000,
        audit: false,
        doctor: false,
        forMs: 0,
        hysteresis: 0.5,
        webhook: { url: 'https://pager.example/hook?team=7', secret: SECRET },
      },
    });
  });

  it('any key of Redis makes Redis the cache, with the defaults for the other keys', () => {
    const defaults = {
      url: null,
      host: 'localhost',
      port: 6_379,
      cluster: null,
      database: 0,
      maxRetries: 3,
      poolSize: 10,
      minIdleConnections: 5,
    };
    expect(load({ PINCEX_REDIS_HOST: 'cache' }).redis).toEqual({ ...defaults, host: 'cache' });
    expect(load({ REDIS_URL: 'redis://cache:1/2' }).redis).toEqual({ ...defaults, url: 'redis://cache:1/2' });
    write('redis:\n  port: 7000\n');
    expect(load().redis).toEqual({ ...defaults, port: 7_000 });
    write('redis:\n');
    expect(load().redis).toBeNull();
  });

  it('DATABASE_URL sets database.url where PINCEX_DATABASE_URL does not', () => {
    expect(load({ DATABASE_URL: 'postgres://a/b' }).database.url).toBe('postgres://a/b');
    expect(load({ DATABASE_URL: 'postgres://a/b', PINCEX_DATABASE_URL: 'postgres://c/d' }).database.url).toBe(
      'postgres://c/d',
    );
  });

  it('an empty variable sets nothing', () => {
    expect(load({ DATABASE_URL: '', PINCEX_DATA_DIR: '', PINCEX_CONFIG: '' })).toEqual(load());
  });

  it('variables of other programs are ignored', () => {
    expect(load({ PINCEX_TEST_LONG: '1', PGHOST: 'x', PINCEXOTHER: '1' })).toEqual(load());
  });
});

describe('the error of a configuration', () => {
  it('the error names the key, its value, its source and what it takes', () => {
    write('database: { pool: { max: 0 } }');
    expect(problemsOf()).toContain(
      'database.pool.max: 0 (pincex.yaml); it takes a whole number from 1 to 1000',
    );
    expect(problemsOf({ PINCEX_DATABASE_POOL_MAX: 'many' })).toContain(
      'database.pool.max: "many" (PINCEX_DATABASE_POOL_MAX); it takes a whole number from 1 to 1000',
    );
  });

  it('the error lists every problem at once', () => {
    write(`
data_dir: 7
databse: { url: x }
database:
  url: mysql://h/d
  pool: { max: 1.5, connection_timeout: 30, max_waiting: -1, size: 4, idle_timeout: 0s, statement_timeout: 0s }
  optimized_repository: { batch_size: 10001, enable_query_hints: yes, enable_debug_logs: 1, ttl: none, order_cache_ttl: 0 }
redis: { hosts: h, port: 0, cluster: [a], url: "http://h" }
`);
    const lines = problemsOf({ PINCEX_DATABSE_URL: 'postgres://a/b' })
      .split('\n')
      .map((line) => line.trim());
    const wrong = lines
      .filter((line) => /^[\w.]+: /.test(line))
      .map((line) => line.slice(0, line.indexOf(':')));
    expect(wrong).toEqual([
      'data_dir',
      'database.url',
      'database.pool.max',
      'database.pool.connection_timeout',
      'database.pool.max_waiting',
      'database.pool.idle_timeout',
      'database.pool.statement_timeout',
      'database.optimized_repository.order_cache_ttl',
      'database.optimized_repository.ttl',
      'database.optimized_repository.batch_size',
      'database.optimized_repository.enable_query_hints',
      'database.optimized_repository.enable_debug_logs',
      'redis.url',
      'redis.port',
      'redis.cluster',
      'databse.url',
      'database.pool.size',
      'redis.hosts',
      'PINCEX_DATABSE_URL',
    ]);
    expect(lines.at(-1)).toMatch(/^Known keys: data_dir, database\.url, /);
  });

  it.each([
    ['servise: {}', 'servise', 'service'],
    ['Service: { port: 80 }', 'Service.port', 'service.port'],
    ['datadir: x', 'datadir', 'data_dir'],
    ['data-dir:', 'data-dir', 'data_dir'],
    ['databse: { url: x }', 'databse.url', 'database.url'],
    ['database: { pol: {} }', 'database.pol', 'database.pool'],
    ['port: [80]', 'port', 'redis.port'],
    ['__proto__: { data_dir: x }', '__proto__.data_dir', 'data_dir'],
    ['80: x', '80', 'data_dir'],
  ])(
    'the error names an unknown key, whatever its value, and the nearest known key: %s',
    (yaml, key, near) => {
      write(yaml);
      expect(problemsOf()).toContain(`\n  ${key}: unknown key (pincex.yaml); the nearest is ${near}\n`);
    },
  );

  it('the error names an unknown variable and the nearest known one', () => {
    expect(problemsOf({ PINCEX_SERVICE_PORTS: '1' })).toContain(
      'PINCEX_SERVICE_PORTS: unknown variable; the nearest is PINCEX_SERVICE_PORT\n',
    );
  });

  it('the error says what a value takes if it was given a section', () => {
    write('data_dir: {}\n');
    expect(problemsOf()).toContain('data_dir: {} (pincex.yaml); it takes the path of a folder');
  });

  it.each(['app.example', '*', 'https://app.example/', 'https://app.example/a', 'ftp://app.example', 'null'])(
    'the error names a CORS origin that is no origin: %s',
    (origin) => {
      expect(problemsOf({ PINCEX_SERVICE_CORS_ORIGINS: origin })).toContain(
        `service.cors_origins: "${origin}" (PINCEX_SERVICE_CORS_ORIGINS); it takes origins such as`,
      );
    },
  );

  it.each(['sesame', KEY.toUpperCase(), KEY.slice(0, -1)])(
    'the error does not show a first key that is malformed: %s',
    (key) => {
      const problems = problemsOf({ PINCEX_SERVICE_FIRST_KEY: key });
      expect(problems).toContain(
        'service.first_key: "***" (PINCEX_SERVICE_FIRST_KEY); it takes a key that reads pincex_<id>_<secret>',
      );
      expect(problems).not.toContain(key);
    },
  );

  it('the error says what a section takes if it was given a value', () => {
    write('database: postgres://h/d');
    expect(problemsOf()).toContain('database: "postgres://h/d" (pincex.yaml); it takes keys of its own');
  });

  it('the properties of every object are refused as unknown keys', () => {
    write('toString: 1\nconstructor: 2\n__proto__: 3\n');
    expect(problemsOf()).toMatch(/toString: unknown key[^]*constructor: unknown key/);
  });

  it.each([
    ['mysql://root:hunter2@h/d', '"mysql://***@h/d"'],
    ['root:hunter2@h/d', '"***@h/d"'],
    ['http://h/d?user=me&password=hunter2&x=1', '"http://h/d?user=me&password=***&x=1"'],
    ['postgres://u:hunter2@h:99999/d', '"postgres://***@h:99999/d"'],
  ])('the error shows the database URL %s without its password', (url, shown) => {
    const message = problemsOf({ DATABASE_URL: url });
    expect(message).toContain(`database.url: ${shown} (DATABASE_URL); `);
    expect(message).not.toContain('hunter2');
  });

  it.each([
    ['database: postgres://u:hunter2@h/d', 'database: "postgres://***@h/d"'],
    ['database: postgres://u:hunter2', 'database: "postgres://***"'],
    ['redis: hunter2', 'redis: "***"'],
    ['redis: { url: "redis://:hunter2/1" }', 'redis.url: "redis://***"'],
    ['redis: { url: hunter2 }', 'redis.url: "***"'],
    ['database: { url: [postgres://u:hunter2@h/d] }', 'database.url: ["postgres://***@h/d"]'],
    ['database: { url: "http://h/d?token=hunter2" }', 'database.url: "http://h/d?token=***"'],
    ['service: { body_limit: "postgres://u:hunter2@h/d" }', 'service.body_limit: "postgres://***@h/d"'],
    ['service: { port: "u:hunter2@h" }', 'service.port: "***@h"'],
    ['postgres://u:hunter2@h/d: x', '***: unknown key'],
    [`service: { port: ${'9'.repeat(5_000)}x }`, `service.port: "${'9'.repeat(199)}… (`],
  ])('the error hides possible secrets and shortens long values: %s', (text, shown) => {
    write(text);
    const message = problemsOf();
    expect(message).toContain(shown);
    expect(message).not.toContain('hunter2');
    expect(message.length).toBeLessThan(4_000);
  });

  it('the error shows the URLs of Redis and of the replica without their passwords', () => {
    const message = problemsOf({ REDIS_URL: 'http://me:hunter2@h', PINCEX_DATABASE_READ_URL: 'x:hunter2@h' });
    expect(message).toContain('redis.url: "http://***@h" (REDIS_URL)');
    expect(message).not.toContain('hunter2');
  });
});
