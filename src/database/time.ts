/**
 * Times as PostgreSQL prints a `timestamptz` in UTC, `2026-01-31 12:00:00.5+00`, as ISO 8601. Five times as fast as going
 * through `Date`, which would be most of what an order costs to read.
 */

/** With milliseconds: a time that a caller gave. */
export const isoTime = (text: string): string => iso(text, 3);

/** With microseconds: a moment of ours. As texts they sort in their order. */
export const isoMoment = (text: string): string => iso(text, 6);

function iso(text: string, decimals: 3 | 6): string {
  const end = text.lastIndexOf('+');
  const fraction = end > 20 ? text.slice(20, Math.min(end, 20 + decimals)) : '';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(decimals, '0')}Z`;
}
