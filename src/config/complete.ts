import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { copyKnown } from '../known.ts';
import { isArray } from '../lists.ts';
import { configKeys } from './configKeys.ts';
import type { Config } from './load.ts';

/** The type of a value, or the shapes of its parts. */
type Shape<Value> = Value extends string | number | boolean | null
  ? Check
  : Value extends readonly unknown[]
    ? Check
    : {
        readonly [Name in keyof Value]: Shape<NonNullable<Value[Name]>> | Optional<NonNullable<Value[Name]>>;
      };

interface Check {
  readonly takes: string;
  readonly fits: (value: unknown) => boolean;
  readonly isSecret?: true;
}

/** A part that may be null. */
interface Optional<Value> {
  readonly orNull: Shape<Value>;
}

const check = (takes: string, fits: (value: unknown) => boolean): Check => ({ takes, fits });
const orNull = ({ takes, fits }: Check): Check =>
  check(`${takes}, or null`, (value) => value === null || fits(value));
const text = check('a text', (value) => typeof value === 'string');
const number = check(
  'a whole number from 0',
  (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
);
const percentage = check(
  'a number from 0 to 100',
  (value) => typeof value === 'number' && value >= 0 && value <= 100,
);
const flag = check('true or false', (value) => typeof value === 'boolean');
const ttl = check('"adaptive" or "fixed"', (value) => value === 'adaptive' || value === 'fixed');
const addresses = orNull(check('a list of { host, port }', isArray));

/** A value that is checked like that of the key, and that no message shows. */
function secret(key: 'alerts.webhook_url' | 'alerts.webhook_secret'): Check {
  const { takes, schema } = configKeys[key];
  const fits = (value: unknown): boolean => typeof value === 'string' && schema.safeParse(value).success;
  return { takes, fits, isSecret: true };
}

const SHAPE: Shape<Config> = {
  dataDir: text,
  database: {
    url: orNull(text),
    readUrl: orNull(text),
    pool: {
      max: number,
      connectionTimeoutMs: number,
      maxWaiting: number,
      idleTimeoutMs: number,
      statementTimeoutMs: number,
    },
    optimizedRepository: {
      orderTtlMs: number,
      tradeTtlMs: number,
      userOrdersTtlMs: number,
      accountTtlMs: number,
      ttl,
      batchSize: number,
      enableQueryHints: flag,
      enableDebugLogs: flag,
      logValues: flag,
    },
  },
  redis: {
    orNull: {
      url: orNull(text),
      host: text,
      port: number,
      cluster: addresses,
      database: number,
      maxRetries: number,
      poolSize: number,
      minIdleConnections: number,
    },
  },
  service: {
    host: text,
    port: number,
    tls: { orNull: { cert: text, key: text } },
    bodyLimit: number,
    maxConcurrent: number,
    maxWaiting: number,
    queueTimeoutMs: number,
    itemsPerSecond: orNull(number),
    idempotencyRetentionMs: number,
    idempotencyRoom: number,
    drainDelayMs: number,
    corsOrigins: check('a list of origins', isArray),
    accessLog: flag,
    firstKey: orNull(text),
  },
  alerts: {
    successRate: orNull(percentage),
    p95Ms: orNull(number),
    p99Ms: orNull(number),
    errorRateJump: orNull(number),
    poolUse: orNull(percentage),
    poolWaits: orNull(number),
    cacheHitRateDrop: orNull(percentage),
    replicaLagMs: orNull(number),
    holdsOverdueMs: orNull(number),
    audit: flag,
    doctor: flag,
    forMs: number,
    hysteresis: percentage,
    webhook: { orNull: { url: secret('alerts.webhook_url'), secret: secret('alerts.webhook_secret') } },
  },
};

/**
 * Checks a configuration that may have been made by hand: each part is there, and no other.
 *
 * @returns a copy
 * @throws PincexError `invalid_configuration` naming the part
 */
export function requireComplete(config: unknown): Config {
  return copied('config', config, SHAPE) as Config;
}

type AnyShape = Check | { readonly orNull: AnyShape } | { readonly [name: string]: AnyShape };

function copied(path: string, value: unknown, shape: AnyShape): unknown {
  if (isCheck(shape)) {
    if (shape.fits(value)) return value;
    const got = shape.isSecret === true ? 'got "***"' : `got ${describe(value)}`;
    throw invalid(path, `takes ${shape.takes}: ${got}`);
  }
  if (isOptional(shape)) return value === null ? null : copied(path, value, shape.orNull);
  if (typeof value !== 'object' || value === null) {
    throw invalid(path, `takes an object, such as loadConfig() makes: got ${describe(value)}`);
  }
  const { values, problem } = copyKnown(value, new Set(Object.keys(shape)), `a part of ${path}`);
  if (problem !== undefined) throw invalid(path, problem);
  return Object.fromEntries(
    Object.entries(shape).map(([name, part]) => [name, copied(`${path}.${name}`, values[name], part)]),
  );
}

const isCheck = (shape: AnyShape): shape is Check => 'fits' in shape;
const isOptional = (shape: AnyShape): shape is { readonly orNull: AnyShape } => 'orNull' in shape;

function invalid(path: string, problem: string): PincexError {
  return new PincexError('invalid_configuration', `The configuration is not valid: ${path}: ${problem}`);
}
