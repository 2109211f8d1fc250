/** Counts, rates and durations for the eye. Amounts of money are no numbers: see `amounts.ts`. */

const NONE = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** A count with all its digits. */
export const count = (value: number): string => whole.format(value);

/** A rate or a count in three digits: `0.25`, `3.4`, `128`, `12.3K`. */
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (value !== 0 && Math.abs(value) < 0.01) return '<0.01';
  return short.format(value);
}

/** Milliseconds in three digits with the unit that suits: `0.42 ms`, `38 ms`, `1.5 s`, `3.2 min`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms > 0 && ms < 0.01) return '<0.01 ms';
  // 999.6 in three digits is 1000.
  if (ms < 999.5) return `${digits(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 119.5) return `${digits(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 119.5) return `${digits(minutes)} min`;
  return minutes < 48 * 60 ? `${digits(minutes / 60)} h` : `${digits(minutes / 1_440)} d`;
}

/** A share from 0 to 1. It reads `100%` only if nothing is missing, and `0%` only if nothing is there. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return NONE;
  const value = share * 100;
  if (share > 0.9999 && share < 1) return '>99.99%';
  if (share > 0 && value < 0.01) return '<0.01%';
  return `${value > 99 && share < 1 ? Number(value.toFixed(2)) : digits(value)}%`;
}

export function bytes(size: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = size;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${digits(value)} ${units[unit] ?? ''}`;
}

/** Three digits, without zeros behind the point. */
const digits = (value: number): string =>
  value >= 99.95 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

/** `1 item`, `2 items`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;
