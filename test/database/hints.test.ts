import { describe, expect, it } from 'vitest';
import { chooseHints, commentHints, noHints, settingHints } from '../../src/database/sql/hints.ts';
import { hintsOf } from '../../src/database/statement.ts';

const statement = {
  name: 'read',
  text: 'SELECT * FROM accounts a',
  hints: ['IndexScan(a accounts_pkey)', 'Rows(k a #100)'],
};

describe('planner hints', () => {
  it('hints are comments with pg_hint_plan, settings without it, and none if they are off', () => {
    expect(chooseHints(true, true)).toBe(commentHints);
    expect(chooseHints(true, false)).toBe(settingHints);
    expect(chooseHints(false, true)).toBe(noHints);
    expect(chooseHints(false, false)).toBe(noHints);
  });

  it('hints as comments stand first in the statement, where pg_hint_plan looks for them', () => {
    expect(commentHints.textOf(statement)).toBe(
      '/*+ IndexScan(a accounts_pkey) Rows(k a #100) */ SELECT * FROM accounts a',
    );
    expect(commentHints.settings).toEqual({ plan_cache_mode: 'force_generic_plan', jit: 'off' });
  });

  it('a statement without hints stays unchanged', () => {
    expect(commentHints.textOf({ name: 'begin', text: 'BEGIN' })).toBe('BEGIN');
    expect(commentHints.textOf({ name: 'begin', text: 'BEGIN', hints: [] })).toBe('BEGIN');
  });

  it.each([noHints, settingHints])(
    'hints that are no comments leave the text of a statement unchanged',
    (hints) => {
      expect(hints.textOf(statement)).toBe(statement.text);
    },
  );

  it('a hint of several parts stands once in the statement that they form', () => {
    const part = { text: '', values: [] };
    expect(
      hintsOf([
        { ...part, hints: ['TidScan(a)', 'Rows(k a #100)'] },
        part,
        { ...part, hints: ['TidScan(a)'] },
      ]),
    ).toEqual(['TidScan(a)', 'Rows(k a #100)']);
  });
});
