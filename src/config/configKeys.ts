import { z } from 'zod';
import { parseKey } from '../apiKeys/keySecrets.ts';
import { problemOfBooks, problemOfUrl } from '../database/connection/destination.ts';
import { limits } from '../limits.ts';
import { parseDuration } from './duration.ts';
import { parseAddress, type Address } from './address.ts';

/** A configuration key: its accepted values in words, for errors, and its schema. */
export interface ConfigKey<T> {
  readonly takes: string;
  readonly schema: z.ZodType<T>;
}

/**
 * All keys, by their paths in `pincex.yaml`. Each schema accepts the value as text too, since the
 * environment has only texts.
 */
export const configKeys = {
  data_dir: folder('.pincex'),
  'database.url': postgresUrl(problemOfBooks),
  'database.read_url': postgresUrl(problemOfUrl),
  'database.pool.max': wholeNumber(1, 1_000, 10),
  'database.pool.connection_timeout': duration('10s'),
  'database.pool.max_waiting': wholeNumber(0, 100_000, 1_000),
  'database.pool.idle_timeout': duration('30s'),
  'database.pool.statement_timeout': duration('60s'),
  'database.optimized_repository.order_cache_ttl': timeToLive('30s'),
  'database.optimized_repository.trade_cache_ttl': timeToLive('2m'),
  'database.optimized_repository.user_orders_ttl': timeToLive('15s'),
  'database.optimized_repository.account_cache_ttl': timeToLive('1m'),
  'database.optimized_repository.ttl': oneOf(['adaptive', 'fixed'], 'adaptive'),
  'database.optimized_repository.batch_size': wholeNumber(1, 10_000, 100),
  'database.optimized_repository.enable_query_hints': flag(true),
  'database.optimized_repository.enable_debug_logs': flag(false),
  'database.optimized_repository.log_values': flag(false),
  'redis.url': redisUrl(),
  'redis.host': host('localhost'),
  'redis.port': wholeNumber(1, 65_535, 6_379),
  'redis.cluster': addresses(),
  'redis.database': wholeNumber(0, 65_535, 0),
  'redis.max_retries': wholeNumber(0, 100, 3),
  'redis.pool_size': wholeNumber(1, 1_000, 10),
  'redis.min_idle_conns': wholeNumber(1, 1_000, 5),
  'service.host': host('127.0.0.1'),
  'service.port': wholeNumber(0, 65_535, 8_080),
  'service.tls_cert': optionalFile(),
  'service.tls_key': optionalFile(),
  'service.body_limit': wholeNumber(1_024, 256 * 1_048_576, 8 * 1_048_576),
  'service.max_concurrent': wholeNumber(1, 10_000, 10),
  'service.max_waiting': wholeNumber(0, 100_000, 100),
  'service.queue_timeout': duration('1s'),
  'service.items_per_second': numberOrNone(1, 1_000_000_000, 100_000),
  'service.idempotency_retention': duration('24h'),
  'service.idempotency_room': wholeNumber(1_048_576, 2 ** 50, limits.requests.room),
  'service.drain_delay': timeToLive('1s'),
  'service.cors_origins': origins(),
  'service.access_log': flag(false),
  'service.first_key': apiKey(),
  'alerts.success_rate': percentageOrNone(95),
  'alerts.p95': durationOrNone('500ms'),
  'alerts.p99': durationOrNone('1s'),
  'alerts.error_rate_jump': numberOrNone(2, 1_000, 3),
  'alerts.pool_use': percentageOrNone(80),
  'alerts.pool_waits': numberOrNone(0, 1_000_000, 10),
  'alerts.cache_hit_rate_drop': percentageOrNone(20),
  'alerts.replica_lag': durationOrNone('10s'),
  'alerts.holds_overdue': durationOrNone('1m'),
  'alerts.audit': flag(true),
  'alerts.doctor': flag(true),
  'alerts.for': timeToLive('1m'),
  'alerts.hysteresis': percentage(10),
  'alerts.webhook_url': httpUrl(),
  'alerts.webhook_secret': webhookSecret(),
} as const;

/** Keys whose values no message may show. The path of a webhook's URL is often its only secret. */
export const secretKeys: ReadonlySet<string> = new Set<keyof typeof configKeys>([
  'service.first_key',
  'alerts.webhook_url',
  'alerts.webhook_secret',
]);

/** The path of a key, such as `database.pool.max`. */
export type KeyPath = keyof typeof configKeys;

/** The type of a key's value after it was read. */
export type KeyValue<P extends KeyPath> = (typeof configKeys)[P] extends ConfigKey<infer T> ? T : never;

/** All key paths, in the order of the documentation. */
export const keyPaths = Object.keys(configKeys) as KeyPath[];

/** The environment variable that sets a key: `database.pool.max` is PINCEX_DATABASE_POOL_MAX. */
export function variableOf(path: KeyPath): string {
  return `PINCEX_${path.replaceAll('.', '_').toUpperCase()}`;
}

function folder(byDefault: string): ConfigKey<string> {
  return { takes: 'the path of a folder', schema: z.string().min(1).default(byDefault) };
}

function postgresUrl(problemOf: (url: string) => string | undefined): ConfigKey<string | null> {
  return {
    takes: 'a URL such as postgres://user:password@host:5432/name',
    schema: z
      .string()
      .superRefine((text, context) => {
        const problem = problemOf(text);
        if (problem !== undefined) context.addIssue({ code: 'custom', params: { problem } });
      })
      .nullable()
      .default(null),
  };
}

function redisUrl(): ConfigKey<string | null> {
  return {
    takes: 'a URL such as redis://user:password@host:6379/0, or rediss:// for TLS',
    schema: z
      .string()
      .refine((text) => /^rediss?:\/\//.test(text) && URL.canParse(text))
      .nullable()
      .default(null),
  };
}

function host(byDefault: string): ConfigKey<string> {
  return { takes: 'the name or address of a host', schema: z.string().min(1).default(byDefault) };
}

function optionalFile(): ConfigKey<string | null> {
  return { takes: 'the path of a file', schema: z.string().min(1).nullable().default(null) };
}

/** An API key of the HTTP service; it is a secret. */
function apiKey(): ConfigKey<string | null> {
  return {
    takes: 'a key that reads pincex_<id>_<secret>, of 16 and 64 hexadecimal digits in small letters',
    schema: z
      .string()
      .refine((text) => parseKey(text) !== null)
      .nullable()
      .default(null),
  };
}

/** An address that webhooks are sent to. Passwords belong into its path or query: `fetch` refuses a URL with a user. */
function httpUrl(): ConfigKey<string | null> {
  return {
    takes: 'a URL such as https://pager.example/hook, without a user and a password',
    schema: z.string().refine(isHttpUrl).nullable().default(null),
  };
}

function isHttpUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}

/** A secret of Standard Webhooks: 24 to 64 bytes. */
function webhookSecret(): ConfigKey<string | null> {
  return {
    takes: 'whsec_ and 24 to 64 random bytes in base64, as "echo whsec_$(openssl rand -base64 32)" makes',
    schema: z
      .string()
      .refine((text) => {
        const [, base64 = ''] = /^whsec_([\w+/-]+={0,2})$/.exec(text) ?? [];
        const { length } = Buffer.from(base64, 'base64');
        return length >= 24 && length <= 64;
      })
      .nullable()
      .default(null),
  };
}

/** Nodes of a cluster: a list in the file, a text with commas in the environment. */
function addresses(): ConfigKey<readonly Address[] | null> {
  return {
    takes: 'addresses such as [10.0.0.1:6379, 10.0.0.2:6379]',
    schema: z
      .union([z.array(z.string()), z.string().transform((text) => text.split(','))])
      .transform((texts, context) => texts.map((text) => parseAddress(text.trim()) ?? refuse(context)))
      .pipe(z.array(z.custom<Address>()).min(1))
      .nullable()
      .default(null),
  };
}

/** Origins of pages, as browsers send them: a list in the file, a text with commas in the environment. */
function origins(): ConfigKey<readonly string[]> {
  return {
    takes: 'origins such as [https://app.example, http://localhost:3000]',
    schema: z
      .union([z.array(z.string()), z.string().transform((text) => text.split(','))])
      .transform((texts, context) =>
        texts.map((text) => (isOrigin(text.trim()) ? text.trim() : refuse(context))),
      )
      .prefault([]),
  };
}

const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;

function oneOf<Choice extends string>(choices: readonly Choice[], byDefault: Choice): ConfigKey<Choice> {
  return {
    takes: choices.join(' or '),
    schema: z
      .string()
      .prefault(byDefault)
      .transform((text, context) => choices.find((choice) => choice === text) ?? refuse(context)),
  };
}

function wholeNumber(min: number, max: number, byDefault: number): ConfigKey<number> {
  return {
    takes: `a whole number from ${min} to ${max}`,
    schema: z
      .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
      .pipe(z.int().min(min).max(max))
      .default(byDefault),
  };
}

/** A bound, or `none`. */
function numberOrNone(min: number, max: number, byDefault: number): ConfigKey<number | null> {
  const number = z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
    .pipe(z.int().min(min).max(max));
  return {
    takes: `a whole number from ${min} to ${max}, or none`,
    schema: z.union([z.literal('none').transform(() => null), number]).default(byDefault),
  };
}

function percentage(byDefault: number): ConfigKey<number> {
  return { takes: 'a percentage from 0 to 100, such as 10 or 0.5', schema: percents().default(byDefault) };
}

/** A percentage, or `none`. */
function percentageOrNone(byDefault: number): ConfigKey<number | null> {
  return {
    takes: 'a percentage from 0 to 100, such as 95 or 99.9, or none',
    schema: z.union([z.literal('none').transform(() => null), percents()]).default(byDefault),
  };
}

function percents() {
  const text = z.string().regex(/^\d+(\.\d+)?$/);
  return z.union([z.number(), text.transform(Number)]).pipe(z.number().min(0).max(100));
}

/** A duration, or `none`. */
function durationOrNone(byDefault: string): ConfigKey<number | null> {
  return {
    takes: 'a duration such as 500ms, 30s, 2m or 1h, up to 24 days, or none',
    schema: z
      .string()
      .prefault(byDefault)
      .transform((text, context) => (text === 'none' ? null : (parseDuration(text) ?? refuse(context)))),
  };
}

function duration(byDefault: string): ConfigKey<number> {
  return {
    takes: 'a duration such as 500ms, 30s, 2m or 1h, up to 24 days',
    schema: z
      .string()
      .prefault(byDefault)
      .transform((text, context) => parseDuration(text) ?? refuse(context)),
  };
}

/** A duration in the cache; 0s for no caching. */
function timeToLive(byDefault: string): ConfigKey<number> {
  return {
    takes: 'a duration such as 500ms, 30s, 2m or 1h, up to 24 days, or 0s for none',
    schema: z
      .string()
      .prefault(byDefault)
      .transform((text, context) => (text === '0s' ? 0 : (parseDuration(text) ?? refuse(context)))),
  };
}

function flag(byDefault: boolean): ConfigKey<boolean> {
  return {
    takes: 'true or false',
    schema: z
      .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
      .default(byDefault),
  };
}

function refuse(context: z.RefinementCtx): never {
  context.addIssue({ code: 'custom' });
  return z.NEVER;
}
