import { describe, expect, it } from 'vitest';
import { chooseHints, commentHints, noHints, settingHints } from '../../src/database/hints.ts';
import { hintsOf } from '../../src/database/statement.ts';

const statement = {
  name: 'read',
  text: 'SELECT * FROM accounts a',
  hints: ['IndexScan(a accounts_pkey)', 'Rows(k a #100)'],
};

describe('hints', () => {
  it('are comments where pg_hint_plan is loaded, settings where it is not, and none where they are off', () => {
    expect(chooseHints(true, true)).toBe(commentHints);
    expect(chooseHints(true, false)).toBe(settingHints);
    expect(chooseHints(false, true)).toBe(noHints);
    expect(chooseHints(false, false)).toBe(noHints);
  });

  it('as comments stand first, where pg_hint_plan looks for them', () => {
    expect(commentHints.textOf(statement)).toBe(
      '/*+ IndexScan(a accounts_pkey) Rows(k a #100) */ SELECT * FROM accounts a',
    );
    expect(commentHints.settings).toEqual({ plan_cache_mode: 'force_generic_plan', jit: 'off' });
  });

  it('that a statement does not have leave it as it is', () => {
    expect(commentHints.textOf({ name: 'begin', text: 'BEGIN' })).toBe('BEGIN');
    expect(commentHints.textOf({ name: 'begin', text: 'BEGIN', hints: [] })).toBe('BEGIN');
  });

  it.each([noHints, settingHints])('otherwise leave the text alone', (hints) => {
    expect(hints.textOf(statement)).toBe(statement.text);
  });

  it('of parts are said once in the statement that they make', () => {
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
