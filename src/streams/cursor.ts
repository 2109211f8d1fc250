import { PincexError } from '../errors.ts';
import { encodeParts, isLike, partsOf, type CursorKey } from '../reads/cursor.ts';

/** Encodes a place in a stream as an opaque text, which is valid for this stream only. */
export function encodeCursor(stream: string, key: CursorKey): string {
  return encodeParts([stream, ...key]);
}

/**
 * Decodes a cursor of this stream.
 *
 * @param like any key of the stream, whose parts give the types
 * @throws PincexError `invalid_argument`
 */
export function decodeCursor(stream: string, like: CursorKey, cursor: unknown): CursorKey {
  const [name, ...key] = partsOf(cursor);
  if (isLike(key, like) && encodeCursor(stream, key) === cursor) return key;
  const wanted = `after must be the cursor of a stream of ${stream}, or left out to begin with the first row`;
  throw new PincexError('invalid_argument', `${wanted}: got ${described(cursor, name, stream)}`);
}

function described(cursor: unknown, name: unknown, stream: string): string {
  if (typeof cursor !== 'string') return `a ${typeof cursor}`;
  return typeof name === 'string' && name !== stream ? `one of a stream of ${name}` : `"${cursor}"`;
}
