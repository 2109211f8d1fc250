/**
 * Amounts are decimal strings for callers and in the database, and integers at the currency's scale inside: at scale 8, `"1.5"`
 * is `150000000n`. They are never JavaScript numbers.
 */

const DECIMAL = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;
const ZEROS = '000000000000000000000000000000000000';

/** The integer that a text stands for; or a phrase that says why it is no amount, to be continued with ": got X". */
export type ParsedAmount = bigint | string;

/**
 * Reads a non-negative decimal string at `scale`. Digits beyond the scale are refused,
 * even zeros: an amount that is silently shortened is an amount that was changed.
 *
 * @returns the integer, or the reason for the refusal as a phrase
 */
export function parseAmount(value: unknown, scale: number, integerDigits: number): ParsedAmount {
  if (typeof value !== 'string') return 'must be a decimal string such as "1.5"';
  const match = DECIMAL.exec(value);
  if (match === null) return 'must be a plain decimal string such as "1.5": digits, at most one point';
  const whole = match[1] ?? '';
  const fraction = match[2] ?? '';
  if (whole.length > integerDigits) return `must have at most ${integerDigits} digits before the point`;
  if (fraction.length > scale) return `must have at most ${scale} decimals`;
  return BigInt(whole + fraction + ZEROS.slice(0, scale - fraction.length));
}

/** Parses the text of a stored `numeric`, which may be negative. */
export function decodeNumeric(text: string, scale: number): bigint {
  const point = text.indexOf('.');
  // A numeric can be "NaN" or "Infinity", an amount cannot: their last character is a letter.
  if (text.charCodeAt(text.length - 1) > 57) throw new RangeError(`The stored amount ${text} is no number`);
  if (point === -1) return BigInt(text + ZEROS.slice(0, scale));
  const fraction = text.length - point - 1;
  if (fraction === scale) return BigInt(text.slice(0, point) + text.slice(point + 1));
  const kept = text.slice(point + 1).replace(/0+$/, '');
  if (kept.length > scale) {
    throw new RangeError(`The stored amount ${text} has more decimals than its currency (${scale})`);
  }
  return BigInt(text.slice(0, point) + kept + ZEROS.slice(0, scale - kept.length));
}

/** Writes an integer at `scale` with all its decimals: `150000000n` at 8 is `"1.50000000"`. */
export function encodeNumeric(amount: bigint, scale: number): string {
  if (scale === 0) return amount.toString();
  const negative = amount < 0n;
  let digits = (negative ? -amount : amount).toString();
  if (digits.length <= scale) digits = ZEROS.slice(0, scale - digits.length + 1) + digits;
  const point = digits.length - scale;
  return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Writes an integer at `scale` as callers see it, without trailing zeros: `"1.5"`, `"100"`. */
export function formatAmount(amount: bigint, scale: number): string {
  return trimDecimal(encodeNumeric(amount, scale));
}

/** `"1.50000000"` as `"1.5"`, `"100.00"` as `"100"`. */
export function trimDecimal(text: string): string {
  if (!text.includes('.')) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  if (text.charCodeAt(end - 1) === 46) end--;
  return text.slice(0, end);
}

/** Division of non-negative integers that rounds up. */
export function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
