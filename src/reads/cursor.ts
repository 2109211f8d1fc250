import { storableKey } from './readArguments.ts';

/** The values of the columns that order rows: ids and times are texts, a version is a number. */
export type CursorKey = readonly (string | number)[];

/** The parts of a place in a list as an opaque text. */
export const encodeParts = (parts: CursorKey): string =>
  Buffer.from(JSON.stringify(parts)).toString('base64url');

/**
 * The parts that a text encodes; none if it is not such a text. Base64 and JSON tolerate texts that were cut or changed: whoever
 * accepts a cursor compares it with what its parts encode to.
 */
export function partsOf(cursor: unknown): unknown[] {
  if (typeof cursor !== 'string') return [];
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

/** Whether a key has the types of another one, and texts that PostgreSQL can store. */
export function isLike(key: unknown[], like: CursorKey): key is (string | number)[] {
  if (key.length !== like.length) return false;
  return key.every((part, n) =>
    typeof like[n] === 'number'
      ? Number.isSafeInteger(part)
      : typeof part === 'string' && storableKey(part) !== null,
  );
}
