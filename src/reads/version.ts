import { PincexError } from '../errors.ts';

/**
 * Parses the version of a row.
 *
 * @param table the table of the row, for the message, as are its user and its id or currency
 * @throws PincexError `broken_row` if SQL other than ours wrote a version that JavaScript would round
 */
export function toVersion(text: string, table: string, userId: string, id: string): number {
  const version = Number(text);
  if (Number.isSafeInteger(version)) return version;
  throw new PincexError(
    'broken_row',
    `${table} ${userId} ${id} is broken: it is at version ${text}; foreign SQL changed it, and has to correct it`,
  );
}
