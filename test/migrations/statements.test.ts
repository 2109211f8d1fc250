import { describe, expect, it } from 'vitest';
import { splitStatements } from '../../src/migrations/statements.ts';

const texts = (sql: string) => splitStatements(sql).map(({ text }) => text);

describe('splitting an SQL file', () => {
  it('an SQL file is split at each semicolon, and the last statement needs none', () => {
    expect(texts('SELECT 1; SELECT 2;\n\nSELECT 3')).toEqual(['SELECT 1', 'SELECT 2', 'SELECT 3']);
  });

  it('each statement has the line on which it begins, and the comments before it are left out', () => {
    expect(splitStatements('-- a; b\n/* c;\n d */ SELECT\n 1;\n\n  -- e\n  SELECT 2 -- f;\n;')).toEqual([
      { text: 'SELECT\n 1', line: 3 },
      { text: 'SELECT 2 -- f;', line: 7 },
    ]);
  });

  it.each(['', '  \n', '-- nothing\n', ';;;', '/* ; */'])(
    'an SQL file without statements gives none: %j',
    (sql) => {
      expect(splitStatements(sql)).toEqual([]);
    },
  );

  it.each([
    `SELECT 'a;b'`,
    `SELECT 'it''s; fine'`,
    `SELECT E'it\\'s; fine'`,
    `SELECT e'a\\\\', 'b;'`,
    `SELECT 1 AS "a;""b;"`,
    `DO $$ BEGIN PERFORM 1; END $$`,
    `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $body$ SELECT '$$;' ; $body$`,
    `SELECT $1 + $2`,
    `SELECT 'a' -- it's; not the end\n, 'b'`,
    `SELECT 1 /* it's; not the end */ + 1`,
    `SELECT 5 - -3 / 2`,
    `SELECT 'a -- b;' , 'c /* d;'`,
  ])('a statement is not split within strings, names, comments and dollar quotes: %s', (sql) => {
    expect(texts(`${sql}; SELECT 2`)).toEqual([sql, 'SELECT 2']);
  });
});
