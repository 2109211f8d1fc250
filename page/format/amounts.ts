/** An amount for the eye. Its parts together are the string of the service, with each of its digits. */
export interface AmountParts {
  readonly sign: string;
  /** Digits before the point, in groups of three. */
  readonly groups: readonly string[];
  /** The point and the digits behind it up to the last one that is not 0. */
  readonly fraction: string;
  /** Zeros at the end, with the point if there is nothing else behind it. */
  readonly zeros: string;
}

/** Null for a text that is no decimal number: it is shown as it is. */
export function amountParts(amount: string): AmountParts | null {
  const [all, sign = '', whole = '', point = ''] = /^([-+]?)(\d+)(\.\d+)?$/.exec(amount) ?? [];
  if (all === undefined) return null;
  const fraction = point.replace(/\.?0*$/, '');
  return { sign, groups: groupsOf(whole), fraction, zeros: point.slice(fraction.length) };
}

function groupsOf(digits: string): string[] {
  const first = digits.length % 3;
  const groups = digits.slice(first).match(/\d{3}/g) ?? [];
  return first === 0 ? groups : [digits.slice(0, first), ...groups];
}

/** The exact sum of decimal strings, with as many digits behind the point as the longest of them. */
export function sumOf(amounts: readonly string[]): string {
  const scale = Math.max(0, ...amounts.map(scaleOf));
  return textOf(
    amounts.reduce((sum, amount) => sum + unitsOf(amount, scale), 0n),
    scale,
  );
}

/** The exact difference of two decimal strings. */
export function difference(amount: string, less: string): string {
  const scale = Math.max(scaleOf(amount), scaleOf(less));
  return textOf(unitsOf(amount, scale) - unitsOf(less, scale), scale);
}

const scaleOf = (amount: string): number => (amount.split('.')[1] ?? '').length;

function unitsOf(amount: string, scale: number): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

function textOf(units: bigint, scale: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale)];
  return `${units < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${fraction}`}`;
}
