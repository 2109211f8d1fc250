import type { Settings } from './hints.ts';

/**
 * Settings that a role, a database or the environment may have changed, so that values would be read, written or compared as
 * something else: times as they are printed, NULL in arrays, texts and their characters. Nor does a wait for a lock end
 * before its statement does.
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

/** A statement takes as long as it takes, unless the driver bounds it. */
export const UNBOUNDED: Settings = { ...SETTINGS, statement_timeout: '0' };

/**
 * The `options` that a session starts with. Ours come after those of the caller's, and so count; PGOPTIONS, as in libpq,
 * is for URLs without options.
 *
 * @param given the `options` of the URL
 */
export function startOptions(given: string | undefined, settings: Settings): string {
  const own = Object.entries({ ...settings, default_transaction_isolation: 'read committed' }).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`,
  );
  return [given ?? process.env['PGOPTIONS'], ...own].filter(Boolean).join(' ');
}

/** Sets them for the rest of a transaction, in the same round trip as what it begins with. */
export function locally(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `; SET LOCAL ${name} = '${value}'`)
    .join('');
}
