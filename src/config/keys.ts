import { z } from 'zod';
import { parseDuration } from './duration.ts';

/** A configuration key: what it takes, in words for an error, and the schema that decides. */
export interface Key<T> {
  readonly takes: string;
  readonly schema: z.ZodType<T>;
}

/**
 * Every key there is, by its path in `pincex.yaml`. Each schema takes the value as text too: the
 * environment has nothing else.
 */
export const keys = {
  data_dir: folder('.pincex'),
  'database.url': postgresUrl(),
  'database.pool.max': wholeNumber(1, 1_000, 10),
  'database.pool.connection_timeout': duration('10s'),
  'database.pool.max_waiting': wholeNumber(0, 100_000, 1_000),
  'database.pool.idle_timeout': duration('30s'),
  'database.pool.statement_timeout': duration('60s'),
  'database.optimized_repository.batch_size': wholeNumber(1, 10_000, 100),
  'database.optimized_repository.enable_query_hints': flag(true),
  'database.optimized_repository.enable_debug_logs': flag(false),
} as const;

/** The path of a key, such as `database.pool.max`. */
export type KeyPath = keyof typeof keys;

/** The value that a key has once it is read. */
export type KeyValue<P extends KeyPath> = (typeof keys)[P] extends Key<infer T> ? T : never;

/** All key paths, in the order of the documentation. */
export const keyPaths = Object.keys(keys) as KeyPath[];

/** The environment variable that sets a key: `database.pool.max` is PINCEX_DATABASE_POOL_MAX. */
export function variableOf(path: KeyPath): string {
  return `PINCEX_${path.replaceAll('.', '_').toUpperCase()}`;
}

function folder(byDefault: string): Key<string> {
  return { takes: 'the path of a folder', schema: z.string().min(1).default(byDefault) };
}

function postgresUrl(): Key<string | null> {
  return {
    takes: 'a URL such as postgres://user:password@host:5432/name',
    schema: z
      .string()
      .refine((text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text))
      .nullable()
      .default(null),
  };
}

function wholeNumber(min: number, max: number, byDefault: number): Key<number> {
  return {
    takes: `a whole number from ${min} to ${max}`,
    schema: z
      .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
      .pipe(z.int().min(min).max(max))
      .default(byDefault),
  };
}

function duration(byDefault: string): Key<number> {
  return {
    takes: 'a duration such as 500ms, 30s, 2m or 1h, up to 24 days',
    schema: z
      .string()
      .prefault(byDefault)
      .transform((text, context) => parseDuration(text) ?? refuse(context)),
  };
}

function flag(byDefault: boolean): Key<boolean> {
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
