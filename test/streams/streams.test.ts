import { beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/index.ts';
import { anyway, openBooks, useBooks } from '../support/books.ts';
import { STREAMED, take, type Streamed } from './tables.ts';

vi.mock('../../src/limits.ts', () => import('./smallPages.ts'));

/** A stream yields its table, row by row in the order of the key, from the beginning or from any cursor. */

const books = useBooks({}, { audited: false });
const PAGE = limits.streams.rows;

beforeEach(() => books.sql('TRUNCATE accounts, orders, trades, journal, operations'));

async function expected({ expected: text }: Streamed): Promise<object[]> {
  return (await books.sql<{ row: object }>(text)).map(({ row }) => row);
}

describe.each(STREAMED)('a stream of $name', (streamed) => {
  const open = (after?: string | null) =>
    streamed.open(books.pincex, after === undefined ? undefined : { after });

  it.each([0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 3])(
    'a stream yields what SQL selects, in the order of the key: %i rows',
    async (count) => {
      await books.sql(streamed.seed, [1, count]);
      const rows = await take(open());
      expect(rows).toHaveLength(count);
      expect(rows).toEqual(await expected(streamed));
    },
  );

  it('a stream that stops half-way goes on from its cursor after a restart, and every row comes once', async () => {
    const count = 2 * PAGE + 3;
    await books.sql(streamed.seed, [1, count]);
    const all = await expected(streamed);
    const restarted = await openBooks(books.url);
    try {
      for (const half of [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, count - 1, count]) {
        const first = open();
        const rows = await take(first, half);
        expect(rows).toHaveLength(half);
        const rest = await take(streamed.open(restarted, { after: first.cursor }));
        expect([...rows, ...rest]).toEqual(all);
      }
    } finally {
      await restarted.close();
    }
  });

  it('a stream can be stopped and continued many times', async () => {
    await books.sql(streamed.seed, [1, 2 * PAGE + 3]);
    const rows: object[] = [];
    let cursor: string | null = null;
    for (;;) {
      const stream = open(cursor);
      const some = await take(stream, 17);
      rows.push(...some);
      cursor = stream.cursor;
      if (some.length < 17) break;
    }
    expect(rows).toEqual(await expected(streamed));
  });

  it('the cursor is null before the first row, and then the place behind the row that came last', async () => {
    await books.sql(streamed.seed, [1, 3]);
    const stream = open();
    expect(stream.cursor).toBeNull();
    const cursors: (string | null)[] = [];
    for await (const row of stream) {
      expect(row).toBeTypeOf('object');
      cursors.push(stream.cursor);
    }
    expect(new Set(cursors).size).toBe(3);
    expect(stream.cursor).toBe(cursors[2]);
    for (const cursor of cursors) {
      expect(cursor).toMatch(/^[\w-]+$/);
      expect(open(cursor).cursor).toBe(cursor);
    }
    const again = open(cursors[0]);
    expect((await take(again, 1)).length).toBe(1);
    expect(again.cursor).toBe(cursors[1]);
  });

  it('a stream goes on from the cursor of its end with the rows that came since', async () => {
    await books.sql(streamed.seed, [1, 3]);
    const stream = open();
    await take(stream);
    expect(await take(open(stream.cursor))).toEqual([]);
    await books.sql(streamed.seedIds, [['z'], ['z']]);
    const since = await take(open(stream.cursor));
    expect(since).toEqual((await expected(streamed)).slice(3));
    expect(since).toHaveLength(1);
  });

  it('a stream goes on from the cursor of a row that is deleted by then', async () => {
    await books.sql(streamed.seed, [1, 5]);
    const stream = open();
    await take(stream, 2);
    const rest = (await expected(streamed)).slice(2);
    await books.sql(
      `DELETE FROM ${streamed.name} WHERE ctid IN (SELECT ctid FROM ${streamed.name} ORDER BY ${streamed.key} LIMIT 2)`,
    );
    expect(await take(open(stream.cursor))).toEqual(rest);
  });

  it('a stream yields ids with any characters, which its cursor takes too', async () => {
    await books.sql(streamed.seedIds, [ODD, ODD]);
    const all = await expected(streamed);
    expect(all).toHaveLength(ODD.length ** 2);
    const stream = open();
    let place = 0;
    for await (const row of stream) {
      expect(row).toEqual(all[place]);
      place++;
      // A test of every cursor would take minutes; these meet each odd id in each place of the key.
      if (place % 5 === 0) expect(await take(open(stream.cursor), 1)).toEqual(all.slice(place, place + 1));
    }
    expect(place).toBe(all.length);
  });

  it('a stream is read only once: a second loop over it is refused, at the same time or later', async () => {
    await books.sql(streamed.seed, [1, 3]);
    const refused = expect.objectContaining({
      code: 'invalid_argument',
      message: 'A stream is read once: make a new one, and give it the cursor of this one to go on',
    }) as Error;
    const stream = open();
    const rows = stream[Symbol.asyncIterator]();
    await rows.next();
    await expect(take(stream)).rejects.toEqual(refused);
    expect((await rows.next()).done).toBe(false);
    const stopped = open();
    await take(stopped, 1);
    await expect(take(stopped)).rejects.toEqual(refused);
    const ended = open();
    await take(ended);
    await expect(take(ended)).rejects.toEqual(refused);
  });

  const cursorOf = (...parts: unknown[]): string => Buffer.from(JSON.stringify(parts)).toString('base64url');
  const { name } = streamed;
  const rest = name === 'journal' ? [7] : name === 'trades' || name === 'operations' ? ['buy'] : [];
  const good = cursorOf(name, 'user', 'id', ...rest);

  it.each([
    ['an empty text', ''],
    ['some text', 'begin'],
    ['other base64url', Buffer.from('begin').toString('base64url')],
    ['JSON that is no key', cursorOf()],
    ['an object', Buffer.from('{}').toString('base64url')],
    ['null inside', cursorOf(null)],
    ['a key that is too short', cursorOf(name, 'user')],
    ['a key that is too long', cursorOf(name, 'user', 'id', ...rest, 'more')],
    ['a number for an id', cursorOf(name, 5, 'id', ...rest)],
    ['null for an id', cursorOf(name, null, 'id', ...rest)],
    ['an id with a NUL', cursorOf(name, 'us\0er', 'id', ...rest)],
    ['an id with half a character', cursorOf(name, 'us\ud800er', 'id', ...rest)],
    ['a cursor that was cut', good.slice(0, -1)],
    ['a cursor with something behind it', `${good}=`],
    ['a cursor with a space in it', `${good.slice(0, 9)} ${good.slice(9)}`],
  ])('a cursor that is %s is refused', (_, after) => {
    expect(() => open(after)).toThrow(
      expect.objectContaining({
        name: 'PincexError',
        code: 'invalid_argument',
        message: `after must be the cursor of a stream of ${name}, or left out to begin with the first row: got "${after}"`,
      }),
    );
  });

  it('a cursor of another stream is refused by name, and so is a cursor that is no text', () => {
    expect(open(good).cursor).toBe(good);
    for (const other of STREAMED.filter((one) => one !== streamed)) {
      const message = `got one of a stream of ${name}`;
      expect(() => other.open(books.pincex, { after: good })).toThrow(message);
    }
    expect(() => open(anyway(5))).toThrow('got a number');
    expect(() => open(anyway({ after: null }))).toThrow('got a object');
    expect(open(null).cursor).toBeNull();
  });
});

it.each(['7', 7.5, 1e300, null])('the journal refuses a cursor with the version %j', (version) => {
  const after = Buffer.from(JSON.stringify(['journal', 'user', 'USD', version])).toString('base64url');
  expect(() => books.pincex.streamJournal({ after })).toThrow(
    'after must be the cursor of a stream of journal',
  );
});

/** Quotes, backslashes, line ends, texts like SQL or an array, and characters that order differently by bytes. */
const ODD = [
  `'`,
  `''; DROP TABLE orders; --`,
  `"`,
  `\\`,
  `\\\\'x`,
  `{"a",NULL}`,
  `$1`,
  `%_`,
  `null`,
  ` `,
  `a b`,
  `\t`,
  `line\r\nbreak`,
  `\u007f`,
  `Z`,
  `a`,
  `ä`,
  `a\u0308`,
  `ß`,
  `İ`,
  `日本`,
  `\u200b`,
  `\uffff`,
  `😀`,
];
