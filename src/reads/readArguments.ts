import { textArray } from '../database/sql/arrays.ts';
import { describe, reasonOf } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { copyKnown, namesOf } from '../known.ts';
import { limits } from '../limits.ts';
import { isArray, lengthOf } from '../lists.ts';

/**
 * Checks the list of keys of a read.
 *
 * @returns a copy, which later changes of the caller's list do not reach
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export function requireKeys(name: string, keys: unknown): string[] {
  return copyList(name, keys, 'texts', requireCount).map((key, place) => {
    return requireKey(`${name}[${place}]`, key);
  });
}

/**
 * Checks one key of a read.
 *
 * @throws PincexError `invalid_argument`
 */
export function requireKey(name: string, key: unknown): string {
  if (typeof key === 'string' && key.length <= limits.books.idLength) return key;
  const form = typeof key === 'string' ? `a text of at most ${limits.books.idLength} characters` : 'a text';
  throw new PincexError('invalid_argument', `${name} must be ${form}: got ${describe(key)}`);
}

/**
 * Copies a list element by element. A hole reads as `undefined`, and an iterator that the caller put on the array is not used.
 *
 * @param of names the elements in the message
 * @param requireLength refuses a list that is too long before its elements are read
 * @throws PincexError `invalid_argument`
 */
export function copyList(
  name: string,
  list: unknown,
  of: string,
  requireLength: (length: number) => void,
): unknown[] {
  if (!isArray(list)) {
    throw new PincexError('invalid_argument', `${name} must be an array of ${of}: got ${describe(list)}`);
  }
  const length = lengthOf(list);
  requireLength(length);
  try {
    return Array.from({ length }, (_, place) => list[place]);
  } catch (error) {
    throw new PincexError('invalid_argument', `${name} cannot be read: ${reasonOf(error)}`);
  }
}

/**
 * Checks how many keys a read has.
 *
 * @throws PincexError `batch_too_large`
 */
export function requireCount(count: number): void {
  if (count <= limits.reads.keys) return;
  throw new PincexError('batch_too_large', `One read takes at most ${limits.reads.keys} keys: got ${count}`);
}

/**
 * Reads each distinct key once, however often the list repeats it: finding the rows of a key may cost much more than the
 * number of rows returned suggests, as for an order book.
 *
 * @param read gets each key once with its name, and returns the values in the order of the keys
 * @param nameOf a text that is the same for equal keys only
 */
export async function readEachOnce<Key, Value>(
  keys: readonly Key[],
  read: (distinct: readonly Key[], names: readonly string[]) => Promise<Value[]>,
  nameOf: (key: Key) => string = String,
): Promise<Value[]> {
  const places = new Map<string, number>();
  const distinct: Key[] = [];
  const placeOfKey = keys.map((key) => {
    const name = nameOf(key);
    const place = places.get(name) ?? distinct.push(key) - 1;
    places.set(name, place);
    return place;
  });
  const values = await read(distinct, [...places.keys()]);
  return placeOfKey.map((place) => values[place] as Value);
}

/**
 * An order by its user and its id, or by its id alone. Ids are unique among the orders of one user only. If several users have
 * an order of that id, the id alone is refused as `ambiguous_id`.
 */
export type OrderKey = string | OwnedOrderKey;

/** An order by its user and its id. */
export interface OwnedOrderKey {
  readonly userId: string;
  readonly id: string;
}

/**
 * Joins ids to one text that no other ids have, since ids contain no NUL. Ids that no row can have share one text, since none
 * of them is ever found.
 */
export const nameOfIds = (...ids: readonly string[]): string =>
  ids.every((id) => storableKey(id) !== null) ? ids.join('\0') : '\0';

export const orderKeyName = (key: OrderKey): string =>
  typeof key === 'string' ? nameOfIds(key) : nameOfIds(key.userId, key.id);

/**
 * Checks the keys of orders.
 *
 * @returns a copy, which later changes of the caller's list do not reach
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export function requireOrderKeys(name: string, keys: unknown): OrderKey[] {
  return copyList(name, keys, 'ids, or of { userId, id }', requireCount).map((key, place) =>
    requireOrderKey(`${name}[${place}]`, key),
  );
}

/**
 * Checks the key of one order.
 *
 * @throws PincexError `invalid_argument`
 */
export function requireOrderKey(name: string, key: unknown): OrderKey {
  if (typeof key === 'string') return requireKey(name, key);
  if (typeof key === 'object' && key !== null && !isArray(key)) {
    const { values, problem } = copyKnown(key, ORDER_KEY, 'a field of the key of an order');
    if (problem !== undefined) throw new PincexError('invalid_argument', `${name}: ${problem}`);
    const { userId, id } = values;
    if (typeof userId === 'string' && typeof id === 'string') {
      return { userId: requireKey(`${name}.userId`, userId), id: requireKey(`${name}.id`, id) };
    }
  }
  throw new PincexError('invalid_argument', `${name} must be an id, or { userId, id }: got ${describe(key)}`);
}

const ORDER_KEY = namesOf<Exclude<OrderKey, string>>({ userId: true, id: true });

/** The parameters of a read of orders: the users, `null` for a key that is an id alone, and the ids. */
export function orderKeyArrays(keys: readonly OrderKey[]): [string, string] {
  const asked = keys.map((key) => (typeof key === 'string' ? { userId: null, id: key } : key));
  return [
    textArray(asked.map(({ userId }) => (userId === null ? null : (storableKey(userId) ?? '')))),
    textArray(asked.map(({ id }) => storableKey(id))),
  ];
}

/** The key, or `null` if no row can have it: PostgreSQL refuses NUL and lone surrogates, and the whole statement would fail. */
export const storableKey = (key: string): string | null =>
  key.includes('\0') || !key.isWellFormed() ? null : key;

/** Whether the value can be the version of a row. */
export const isVersion = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/**
 * Checks the limit of a read.
 *
 * @throws PincexError `invalid_argument`
 */
export function requireLimit(name: string, value: unknown, most: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new PincexError('invalid_argument', `${name} must be 1 to ${most}: got ${describe(value)}`);
}

/**
 * Checks a flag.
 *
 * @throws PincexError `invalid_argument`
 */
export function requireFlag(name: string, value: unknown): void {
  if (typeof value === 'boolean') return;
  throw new PincexError('invalid_argument', `${name} must be true or false: got ${describe(value)}`);
}
