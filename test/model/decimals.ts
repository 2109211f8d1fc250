/**
 * The arithmetic of the model: every number is an integer in units of 10^-40, whatever it counts. This is slow, and
 * shares nothing with the engine's integers at the scale of each currency.
 */

const PLACES = 40;
const ONE = 10n ** BigInt(PLACES);

/** The number that a text denotes, or `null` if the text is no plain decimal. */
export function numberOf(text: unknown): bigint | null {
  if (typeof text !== 'string') return null;
  const parts = text.split('.');
  const [whole = '', decimals] = parts;
  if (parts.length > 2 || !isDigits(whole) || (whole.length > 1 && whole.startsWith('0'))) return null;
  if (decimals !== undefined && !isDigits(decimals)) return null;
  return BigInt(whole + (decimals ?? '').padEnd(PLACES, '0'));
}

function isDigits(text: string): boolean {
  return text.length > 0 && Array.from(text).every((character) => character >= '0' && character <= '9');
}

export function decimalsOf(text: string): number {
  return text.split('.')[1]?.length ?? 0;
}

export function multiply(a: bigint, b: bigint): bigint {
  const product = a * b;
  if (product % ONE !== 0n) throw new RangeError('The model lost digits');
  return product / ONE;
}

/** Truncates to `decimals`. */
export function roundDown(value: bigint, decimals: number): bigint {
  return value - (value % unit(decimals));
}

export function roundUp(value: bigint, decimals: number): bigint {
  const down = roundDown(value, decimals);
  return down === value ? value : down + unit(decimals);
}

function unit(decimals: number): bigint {
  return 10n ** BigInt(PLACES - decimals);
}

/** The text that callers see, without trailing zeros. */
export function textOf(value: bigint): string {
  const sign = value < 0n ? '-' : '';
  const digits = String(value < 0n ? -value : value).padStart(PLACES + 1, '0');
  const decimals = digits.slice(-PLACES).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -PLACES)}${decimals === '' ? '' : `.${decimals}`}`;
}
