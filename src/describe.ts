import { isArray } from './lists.ts';

/** A value as it is shown in error messages. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `"${visible(value.length > 60 ? `${value.slice(0, 60)}…` : value)}"`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return `${value} (a ${typeof value})`;
  }
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return isArray(value) ? 'an array' : `a ${typeof value}`;
}

/** A text with invisible characters, and those that change the direction of writing, escaped as `\u202e`. */
export const visible = (text: string): string =>
  text.replaceAll(UNSEEN, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);

/** Zero-width characters, and those that change the direction of writing. */
const UNSEEN = /[\p{Cf}\u2028\u2029]/gu;

/** The message of a thrown value. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A short message for a thrown value, even if reading its message throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown).slice(0, 100);
  } catch {
    return 'its error cannot be read either';
  }
}
