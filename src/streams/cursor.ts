import { PincexError } from '../errors.ts';
import { storableKey } from '../reads/readArguments.ts';

/** The primary key of a row: ids are texts, a version is a number. */
export type Key = readonly (string | number)[];

/** Encodes a place in a stream as an opaque text, which is valid for this stream only. */
export function encodeCursor(stream: string, key: Key): string {
  return Buffer.from(JSON.stringify([stream, ...key])).toString('base64url');
}

/**
 * Decodes a cursor of this stream.
 *
 * @param like any key of the stream, whose parts give the types
 * @throws PincexError `invalid_argument`
 */
export function decodeCursor(stream: string, like: Key, cursor: unknown): Key {
  const [name, ...key] = typeof cursor === 'string' ? partsOf(cursor) : [];
  // A cursor must be exactly the text that its key encodes to: base64 and JSON tolerate texts that were cut or changed.
  if (isLike(key, like) && encodeCursor(stream, key) === cursor) return key;
  const wanted = `after must be the cursor of a stream of ${stream}, or left out to begin with the first row`;
  throw new PincexError('invalid_argument', `${wanted}: got ${described(cursor, name, stream)}`);
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

function isLike(key: unknown[], like: Key): key is (string | number)[] {
  if (key.length !== like.length) return false;
  return key.every((part, n) =>
    typeof like[n] === 'number'
      ? Number.isSafeInteger(part)
      : typeof part === 'string' && storableKey(part) !== null,
  );
}

function described(cursor: unknown, name: unknown, stream: string): string {
  if (typeof cursor !== 'string') return `a ${typeof cursor}`;
  return typeof name === 'string' && name !== stream ? `one of a stream of ${name}` : `"${cursor}"`;
}
