import { textArray } from '../database/arrays.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * Checks the list of keys of a read.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export function requireKeys(name: string, keys: unknown): void {
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== 'string')) {
    throw new PincexError('invalid_argument', `${name} must be an array of texts`);
  }
  requireCount(keys.length);
}

/**
 * Checks how many keys a read has.
 *
 * @throws PincexError `batch_too_large`
 */
export function requireCount(count: number): void {
  if (count <= limits.readKeys) return;
  throw new PincexError('batch_too_large', `One read takes at most ${limits.readKeys} keys: got ${count}`);
}

/**
 * Reads each key once, however often it is named: what it takes to find a row is not bounded by how many are returned.
 *
 * @param read is given each key once, and its name, and returns what it reads in their order
 * @param nameOf what two keys have in common that are the same
 */
export async function readEachOnce<Key, Value>(
  keys: readonly Key[],
  read: (distinct: readonly Key[], names: readonly string[]) => Promise<Value[]>,
  nameOf: (key: Key) => string = String,
): Promise<Value[]> {
  const places = new Map<string, number>();
  const distinct: Key[] = [];
  const seats = keys.map((key) => {
    const name = nameOf(key);
    const place = places.get(name) ?? distinct.push(key) - 1;
    places.set(name, place);
    return place;
  });
  const values = await read(distinct, [...places.keys()]);
  return seats.map((place) => values[place] as Value);
}

/**
 * An order by its user and its id, or by its id alone: ids are unique for a user, so that the id alone may name orders of
 * several, which is refused as `ambiguous_id`.
 */
export type OrderKey = string | { readonly userId: string; readonly id: string };

/** In words and in caches: ids hold no NUL, so that no two keys are the same. */
export const orderKeyName = (key: OrderKey): string =>
  typeof key === 'string' ? key : `${key.userId}\0${key.id}`;

/**
 * Checks the keys of orders.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export function requireOrderKeys(name: string, keys: unknown): void {
  if (!Array.isArray(keys) || !keys.every(isOrderKey)) {
    throw new PincexError('invalid_argument', `${name} must be an array of ids, or of { userId, id }`);
  }
  requireCount(keys.length);
}

function isOrderKey(key: unknown): key is OrderKey {
  if (typeof key === 'string') return true;
  if (typeof key !== 'object' || key === null) return false;
  const { userId, id, ...rest } = key as Record<string, unknown>;
  return typeof userId === 'string' && typeof id === 'string' && Object.keys(rest).length === 0;
}

/** What a read of orders is asked by: users, null where the id is all there is, and ids. */
export function orderKeyArrays(keys: readonly OrderKey[]): [string, string] {
  const asked = keys.map((key) => (typeof key === 'string' ? { userId: null, id: key } : key));
  return [
    textArray(asked.map(({ userId }) => (userId === null ? null : (askable(userId) ?? '')))),
    textArray(asked.map(({ id }) => askable(id))),
  ];
}

/** Refuses to mix the orders of two users. */
export function ambiguous(id: string, users: readonly [string, string]): PincexError {
  return new PincexError(
    'ambiguous_id',
    `Order ${id} is one of ${users.join(' and one of ')}: ask for { userId, id }`,
  );
}

/** A key as PostgreSQL can be asked for it; no row has an id with a NUL, which would fail the whole statement. */
export const askable = (key: string): string | null =>
  key.includes('\0') || !key.isWellFormed() ? null : key;

/**
 * Checks a limit.
 *
 * @throws PincexError `invalid_argument`
 */
export function requireLimit(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new PincexError('invalid_argument', `${name} must be 1 to ${most}: got ${value}`);
}
