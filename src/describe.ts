import { isArray } from './lists.ts';

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `"${visible(value.length > 60 ? `${value.slice(0, 60)}…` : value)}"`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return `${value} (a ${typeof value})`;
  }
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return isArray(value) ? 'an array' : `a ${typeof value}`;
}

/** A text with what cannot be seen in it, or turns what is around it about, written out: `\u202e`. */
export const visible = (text: string): string =>
  text.replaceAll(UNSEEN, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);

/** Zero-width characters, and those that change the direction of writing. */
const UNSEEN = /[\p{Cf}\u2028\u2029]/gu;

/** What was thrown, in a few words; even that may be made so that it throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown).slice(0, 100);
  } catch {
    return 'what it throws cannot be read either';
  }
}
