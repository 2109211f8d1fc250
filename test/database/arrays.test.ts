import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { plainArray, textArray } from '../../src/database/sql/arrays.ts';
import { isLong } from '../support/books.ts';

let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({ connectionString: inject('serverUrl') });
  await client.connect();
});
afterAll(() => client.end());

async function throughPostgres(values: readonly (string | null)[]): Promise<(string | null)[]> {
  const { rows } = await client.query<{ texts: (string | null)[] }>('SELECT $1::text[] AS texts', [
    textArray(values),
  ]);
  return rows[0]!.texts;
}

describe('a text array', () => {
  it('a text array comes back from PostgreSQL as it was sent, for random texts', async () => {
    // A NUL and a lone surrogate are left out: PostgreSQL takes neither in a text, and ids with them are refused before.
    const codePoint = fc
      .oneof(
        fc.integer({ min: 1, max: 0x7f }),
        fc.integer({ min: 0x80, max: 0xffff }),
        fc.integer({ min: 0x10000, max: 0x10ffff }),
      )
      .filter((code) => code < 0xd800 || code > 0xdfff);
    const text = fc.array(codePoint, { maxLength: 20 }).map((codes) => String.fromCodePoint(...codes));
    const values = fc.array(fc.option(text, { freq: 5 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(values, async (sent) => {
        expect(await throughPostgres(sent)).toEqual(sent);
      }),
      { numRuns: isLong ? 5_000 : 200 },
    );
  });

  it.each([
    [[]],
    [['']],
    [['', '']],
    [[null]],
    [['NULL', 'null', null]],
    [['"', '\\', '\\"', '\\\\', '"\\"']],
    [['{', '}', '{}', '{"a"}', ',', 'a,b', "'", "''"]],
    [[' ', '  a  ', '\n', '\r\n', '\t', '\u0001', '\u007f']],
    [['é', 'é', '日本', '😀', '\u{10ffff}', '\ufeff', '\u200b', '\ufffd']],
    [['$1', '%', '_', '--', ';', '/*']],
  ])('the text array %j comes back from PostgreSQL as it was sent', async (values) => {
    expect(await throughPostgres(values)).toEqual(values);
  });
});

describe('a plain array', () => {
  it('a plain array carries numerics of any size, numbers, booleans and nulls', async () => {
    const numerics = ['1.50000000', '-0.5', '9'.repeat(48), null];
    const { rows } = await client.query<Record<string, unknown>>(
      'SELECT $1::numeric[]::text[] AS numerics, $2::bigint[]::text[] AS bigints, $3::boolean[] AS booleans',
      [plainArray(numerics), plainArray([1, Number.MAX_SAFE_INTEGER, null]), plainArray([true, false, null])],
    );
    expect(rows[0]).toEqual({
      numerics,
      bigints: ['1', '9007199254740991', null],
      booleans: [true, false, null],
    });
  });
});
