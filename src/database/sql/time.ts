/**
 * Converts a `timestamptz` that PostgreSQL printed in UTC, `2026-01-31 12:00:00.5+00`, to ISO 8601. This is five times as
 * fast as going through `Date`, which would take most of the time of reading an order.
 */

/** ISO 8601 with milliseconds, for times that callers give. */
export const isoTime = (text: string): string => iso(text, 3);

/** ISO 8601 with microseconds, for our own times. The texts sort by time. */
export const isoMoment = (text: string): string => iso(text, 6);

function iso(text: string, decimals: 3 | 6): string {
  const end = text.lastIndexOf('+');
  const fraction = end > 20 ? text.slice(20, Math.min(end, 20 + decimals)) : '';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(decimals, '0')}Z`;
}
