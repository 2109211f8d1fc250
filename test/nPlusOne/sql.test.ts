import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shapeOf } from '../../src/nPlusOne/sql.ts';

const shape = (text: string, values: readonly unknown[] = []): string | null => shapeOf({ text, values });

describe('the shape of a SQL statement', () => {
  it.each([
    ['SELECT * FROM a WHERE id = 17', 'SELECT * FROM a WHERE id = ?'],
    ['SELECT * FROM a WHERE id = $1', 'SELECT * FROM a WHERE id = ?'],
    ['SELECT * FROM a WHERE n = -1.5e-3 AND m IN (1,2 , 3)', 'SELECT * FROM a WHERE n = ? AND m IN (…)'],
    ["SELECT 'it''s', E'it\\'s', $$it's$$, $x$a $$ b$x$, B'01'", 'SELECT ?, ?, ?, ?, ?'],
    ["SELECT * FROM t1 WHERE id=$1 AND state IN ('a', 'b')", 'SELECT * FROM t1 WHERE id=? AND state IN (…)'],
    ['select "a 1" -- of 7\n /* 8 /* 9 */ 10 */ from b ;', 'select "a 1" from b'],
    ["INSERT INTO a VALUES ($1, 'x', now())", 'INSERT INTO a VALUES (?, ?, now())'],
    ["SELECT id::text, '{1}'::int[], a[1] FROM a", 'SELECT id::text, ?::int[], a[?] FROM a'],
    ['SELECT * FROM a\n  WHERE id = ANY( $1 )', 'SELECT * FROM a WHERE id = ANY(?)'],
  ])('of %j is %j', (text, expected) => {
    expect(shape(text)).toBe(expected);
  });

  it.each(['BEGIN', 'COMMIT', "SET x = 'y'", 'LISTEN a', 'COPY a FROM STDIN', ''])(
    'does not exist for %j, which no batch call replaces',
    (text) => {
      expect(shape(text)).toBeNull();
    },
  );

  it.each([
    ['SELECT * FROM a WHERE id = ANY($1)', [['1', '2']]],
    ['SELECT * FROM a WHERE id IN ($1, $2)', ['1', '2']],
    ['SELECT * FROM a WHERE id IN ($1::int,$2::int)', ['1', '2']],
    ['SELECT * FROM a WHERE (id, b) IN (($1, $2), ($3, $4))', ['1', '2', '3', '4']],
    ['INSERT INTO a VALUES ($1, now()), ($2, now())', ['1', '2']],
    ['INSERT INTO a VALUES (1), (2)', []],
    ['SELECT * FROM unnest(ARRAY[$1, $2])', ['1', '2']],
  ])('does not exist for %j, which takes several keys at once', (text, values) => {
    expect(shape(text, values)).toBeNull();
  });

  it('is that of a single key if a list has one element', () => {
    expect(shape('SELECT * FROM a WHERE id = ANY($1)', [['1']])).toBe('SELECT * FROM a WHERE id = ANY(?)');
    expect(shape('SELECT * FROM a WHERE id IN ($1)', ['1'])).toBe('SELECT * FROM a WHERE id IN (…)');
  });

  it('never contains a value, even of a statement that is cut off', () => {
    const secret = 'hunter2';
    const around = fc.string({
      unit: fc.constantFrom("'", '\\', '$', ' ', 'a', '\n', '-', '/', '*', 'E', '"'),
    });
    fc.assert(
      fc.property(around, (before) => {
        // A value that the driver would quote: its quotes are doubled.
        const value = `${before}${secret}`.replaceAll("'", "''");
        expect(shape(`SELECT * FROM a WHERE b = '${value}'`)).toBe('SELECT * FROM a WHERE b = ?');
      }),
    );
    const long = `SELECT * FROM a WHERE b = '${secret.repeat(10_000)}' AND c = 1`;
    expect(shape(long)).toBe('SELECT * FROM a WHERE b = ?');
  });
});
