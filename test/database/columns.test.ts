import { describe, expect, it } from 'vitest';
import {
  assignments,
  keys,
  names,
  numeric,
  rows,
  sql,
  text,
  type Columns,
} from '../../src/database/sql/columns.ts';
import { inJson, selection } from '../../src/database/sql/selection.ts';

interface Payment {
  readonly id: string;
  readonly amount: string | null;
}
const payments = {
  id: text((payment) => payment.id),
  amount: numeric((payment) => payment.amount),
} satisfies Columns<Payment>;

describe('a statement over described columns', () => {
  interface Given {
    readonly payments: readonly Payment[];
    readonly by: string;
  }
  const by = { type: 'text', valueOf: (given: Given) => given.by };
  const insert = sql`
    INSERT INTO payments (${names(payments)}, made_by, changed_by)
    SELECT *, ${by}, ${by} FROM ${rows(payments, (given: Given) => given.payments)}`;

  it('a statement has its lists of columns, their casts, and one number for a parameter that is used twice', () => {
    expect(insert.text).toBe(`
    INSERT INTO payments (id, amount, made_by, changed_by)
    SELECT *, $1::text, $1::text FROM unnest($2::text[], $3::numeric[]) AS new (id, amount)`);
  });

  it('the values of a statement are in the order of the numbers of its parameters', () => {
    const given = {
      by: 'alice',
      payments: [
        { id: 'a', amount: '1.5' },
        { id: 'b', amount: null },
      ],
    };
    expect(insert.valuesOf(given)).toEqual(['alice', '{"a","b"}', '{1.5,NULL}']);
  });

  it('a statement that asks by keys numbers the keys by their places', () => {
    const { text } = sql`SELECT n FROM ${keys({ id: payments.id })}`;
    expect(text).toBe('SELECT n FROM unnest($1::text[]) WITH ORDINALITY AS k (id, n)');
  });

  it('assignments set each column to its new value', () => {
    expect(assignments(payments)).toBe('id = new.id, amount = new.amount');
  });
});

describe('a selection of columns', () => {
  it('a selection tells the place of each of its columns, group after group', () => {
    const { list, at } = selection({ key: { n: 'k.n' }, payment: { id: 'p.id', amount: 'p.amount' } });
    expect(list).toBe('k.n, p.id, p.amount');
    expect(at).toEqual({ key: { n: 0 }, payment: { id: 1, amount: 2 } });
  });

  it('a selection in JSON takes amounts as text, since JSON would round them', () => {
    expect(inJson('p', payments)).toEqual({ id: 'p.id', amount: 'p.amount::text' });
  });
});
