import { PincexError } from '../errors.ts';
import { describe } from '../describe.ts';
import { limits } from '../limits.ts';
import { parseTime } from '../commands/fields.ts';
import { encodeParts, isLike, partsOf, type CursorKey } from './cursor.ts';
import { requireLimit } from './readArguments.ts';

/** Rows of a list, newest first, with cursors to the pages beside them. */
export interface Page<View> {
  readonly rows: readonly View[];
  /** Leads to the next older rows; `null`: there are none. */
  readonly older: string | null;
  /** Leads to the next newer rows; `null`: these are the newest. */
  readonly newer: string | null;
}

export interface PageOptions {
  /** How many rows to return. Default 100, at most 1,000. */
  readonly limit?: number | undefined;
  /** `older` or `newer` of another page of the same list. Default: begins with the newest row. */
  readonly cursor?: string | null | undefined;
}

/** A range of times, ISO 8601: from `from` on and before `to`. */
export interface TimeRange {
  readonly from?: string | null | undefined;
  readonly to?: string | null | undefined;
}

export type Direction = 'older' | 'newer';

/** The place in a list where a page begins, behind the row with this key. */
interface Place {
  readonly direction: Direction;
  readonly key: CursorKey;
}

/** A list as pages read it. */
export interface PagedList<View> {
  /** The name in cursors and messages. */
  readonly name: string;
  /** Names the rows that the list consists of, such as the user: a cursor of another list is refused. */
  readonly owner: readonly string[];
  /** A key above that of every row. */
  readonly top: CursorKey;
  readonly keyOf: (view: View) => CursorKey;
  /** Reads the rows behind a key: the nearest first. */
  readonly read: (direction: Direction, key: CursorKey, limit: number) => Promise<View[]>;
}

/**
 * Reads a page. If nothing is behind its cursor any more, it is the newest page.
 *
 * @throws PincexError `invalid_argument`
 */
export async function readPage<View>(
  list: PagedList<View>,
  { limit = limits.reads.pageRows.byDefault, cursor = null }: PageOptions,
): Promise<Page<View>> {
  requireLimit('limit', limit, limits.reads.pageRows.most);
  const place = cursor === null ? null : decode(list, cursor);
  const { direction, key } = place ?? { direction: 'older', key: list.top };
  // One row more tells whether there is another page.
  const found = await list.read(direction, key, limit + 1);
  if (place !== null && found.length === 0) return readPage(list, { limit });
  const isMore = found.length > limit;
  const rows = found.slice(0, limit);
  if (direction === 'newer') rows.reverse();
  const [first, last] = [rows[0], rows.at(-1)];
  const to = (direction: Direction, row: View | undefined): string | null =>
    row === undefined ? null : encode(list, { direction, key: list.keyOf(row) });
  return {
    rows,
    older: direction === 'newer' || isMore ? to('older', last) : null,
    newer: place !== null && (direction === 'older' || isMore) ? to('newer', first) : null,
  };
}

const encode = (
  { name, owner }: Pick<PagedList<never>, 'name' | 'owner'>,
  { direction, key }: Place,
): string => encodeParts([name, ...owner, direction, ...key]);

function decode<View>(list: PagedList<View>, cursor: unknown): Place {
  const parts = partsOf(cursor);
  const { name, owner, top } = list;
  const direction = parts[owner.length + 1];
  const key = parts.slice(owner.length + 2);
  if (isLike(key, top) && hasTimes(key, top) && (direction === 'older' || direction === 'newer')) {
    const place = { direction, key } as const;
    if (encode(list, place) === cursor) return place;
  }
  const of = [name, ...owner].map((part) => describe(part)).join(' ');
  throw new PincexError(
    'invalid_argument',
    `cursor must be older or newer of a page of ${of}: got ${describe(cursor)}`,
  );
}

/** A time in a cursor has to be one that PostgreSQL reads. */
const hasTimes = (key: CursorKey, top: CursorKey): boolean =>
  key.every((part, n) => top[n] !== TOP_TIME || isTime(String(part)));

/** The time above every other, as the key of the newest page. */
export const TOP_TIME = 'infinity';

/** An id above every other: of the last character that there is. */
export const LAST_ID = '\u{10ffff}'.repeat(limits.books.idLength);

const isTime = (text: string): boolean => text === TOP_TIME || isStorableTime(text);

/** An offset that PostgreSQL takes: less than sixteen hours. */
const OFFSET = /(Z|[+-](0\d|1[0-5]):\d\d)$/;

/** Whether PostgreSQL reads the text as the time that it is, in a year that a row can have. */
function isStorableTime(text: string): boolean {
  const year = parseTime(text)?.getUTCFullYear() ?? NaN;
  return year >= 1970 && year <= 9999 && OFFSET.test(text);
}

/**
 * The ends of a range as PostgreSQL reads them.
 *
 * @throws PincexError `invalid_argument`
 */
export function rangeOf({ from, to }: TimeRange): readonly [string, string] {
  return [endOf('from', from, '-infinity'), endOf('to', to, TOP_TIME)];
}

/** @throws PincexError `invalid_argument` */
export function requireTime(name: string, value: unknown): string {
  if (typeof value === 'string' && isStorableTime(value)) return value;
  const message = `${name} must be a time such as "2030-01-31T12:00:00Z": got ${describe(value)}`;
  throw new PincexError('invalid_argument', message);
}

const endOf = (name: string, value: string | null | undefined, open: string): string =>
  value == null ? open : requireTime(name, value);

/** The operator and the order of a page in a direction. */
export const beyond = (direction: Direction): { readonly than: '<' | '>'; readonly order: 'DESC' | 'ASC' } =>
  direction === 'older' ? { than: '<', order: 'DESC' } : { than: '>', order: 'ASC' };

/** One statement for each direction. */
export const inBothDirections = <Made>(
  make: (direction: Direction) => Made,
): Readonly<Record<Direction, Made>> => ({ older: make('older'), newer: make('newer') });
