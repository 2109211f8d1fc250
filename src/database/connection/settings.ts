import type { Settings } from '../sql/hints.ts';

/**
 * Settings on which the reading, writing and comparing of values depends: the format of times, NULL in arrays, the encoding
 * and escapes of texts. A role, a database or the environment may have changed them. `lock_timeout` is off, so that a wait
 * for a lock ends only with its statement.
 */
export const SETTINGS: Settings = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  array_nulls: 'on',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  lock_timeout: '0',
};

/** The settings without a bound on the time of a statement; the driver may still have one. */
export const UNBOUNDED: Settings = { ...SETTINGS, statement_timeout: '0' };

/**
 * The `options` that a session starts with. Our settings come after those of the caller, and so override them. As in libpq,
 * PGOPTIONS applies to URLs without `options`.
 *
 * @param given the `options` of the URL
 */
export function startOptions(given: string | undefined, settings: Settings): string {
  const own = Object.entries({ ...settings, default_transaction_isolation: 'read committed' }).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`,
  );
  return [given ?? process.env['PGOPTIONS'], ...own].filter(Boolean).join(' ');
}

/** SQL that applies the settings until the end of the transaction, to be sent in one text with its BEGIN. */
export function locally(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `; SET LOCAL ${name} = '${value}'`)
    .join('');
}
