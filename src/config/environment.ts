import { type KeyPath, keyPaths, variableOf } from './configKeys.ts';

/** Variables whose names do not follow the rule, by the key that they set. */
const ALIASES: Partial<Record<KeyPath, string>> = {
  'database.url': 'DATABASE_URL',
  'redis.url': 'REDIS_URL',
};

/** Variables that begin with PINCEX_ and are no keys. */
const NOT_KEYS = /^PINCEX_(CONFIG$|TEST_)/;

/** The configuration file that PINCEX_CONFIG names. */
export function configVariable(env: NodeJS.ProcessEnv): string | undefined {
  return env['PINCEX_CONFIG'] === '' ? undefined : env['PINCEX_CONFIG'];
}

/** A value of the environment and the variable that it came from. */
export interface EnvironmentValue {
  readonly variable: string;
  readonly text: string;
}

/**
 * The keys that the environment sets: PINCEX_ and the path, as in PINCEX_DATABASE_POOL_MAX, or
 * DATABASE_URL. A variable that is empty counts as not set.
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Map<KeyPath, EnvironmentValue> {
  const values = new Map<KeyPath, EnvironmentValue>();
  for (const path of keyPaths) {
    const variable = [variableOf(path), ALIASES[path]].find((name) => name !== undefined && env[name]);
    const text = variable === undefined ? undefined : env[variable];
    if (variable !== undefined && text) values.set(path, { variable, text });
  }
  return values;
}

/** Variables that look like keys but are none. They are reported, since a misspelt one would otherwise be ignored silently. */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = new Set(keyPaths.map(variableOf));
  return Object.keys(env).filter(
    (name) => name.startsWith('PINCEX_') && !known.has(name) && !NOT_KEYS.test(name),
  );
}
