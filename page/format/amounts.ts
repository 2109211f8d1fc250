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
