import { PincexError } from '../errors.ts';

/**
 * The version of a row as callers see it.
 *
 * @param table the row's, with its user and its id or currency
 * @throws PincexError `broken_row` where SQL other than ours put a number there that JavaScript would round
 */
export function toVersion(text: string, table: string, userId: string, id: string): number {
  const version = Number(text);
  if (Number.isSafeInteger(version)) return version;
  throw new PincexError(
    'broken_row',
    `${table} ${userId} ${id} is broken: it is at version ${text}; SQL other than ours changed it, and has to mend it`,
  );
}
