import { describe, expect, it } from 'vitest';
import { limits } from '../../src/limits.ts';
import { Context, type SingleCall } from '../../src/nPlusOne/context.ts';
import { Loops, sentenceOf } from '../../src/nPlusOne/loops.ts';

const call = (began: number, changes: Partial<SingleCall> = {}): SingleCall => ({
  shape: 'batch_get_accounts',
  stack: ['src/a.ts:1', 'src/b.ts:2'],
  began,
  durationMs: 2,
  ...changes,
});

describe('a context of calls', () => {
  it('finds a loop when the threshold is reached, with all calls before, and then call by call', () => {
    const context = new Context(3, 1_000);
    expect([0, 10, 20, 30].map((began) => context.add(call(began)))).toEqual([
      null,
      null,
      { calls: 3, durationMs: 6, isNew: true },
      { calls: 1, durationMs: 2, isNew: false },
    ]);
  });

  it('finds no loop in calls of different shapes or from different places', () => {
    const context = new Context(2, 1_000);
    expect(context.add(call(0))).toBeNull();
    expect(context.add(call(1, { shape: 'batch_deposit' }))).toBeNull();
    expect(context.add(call(2, { stack: ['src/a.ts:2'] }))).toBeNull();
    expect(context.add(call(3, { stack: [] }))).toBeNull();
    expect(context.add(call(4, { stack: [] }))).toMatchObject({ isNew: true });
  });

  it('ends a loop at a pause, which counts from the end of the call that ended last', () => {
    const context = new Context(2, 100);
    context.add(call(0, { durationMs: 500 }));
    expect(context.add(call(600, { durationMs: 1 }))).toMatchObject({ isNew: true });
    expect(context.add(call(701, { durationMs: 1 }))).toMatchObject({ isNew: false });
    expect(context.add(call(803, { durationMs: 1 }))).toBeNull();
  });

  it('forgets the place without a call for the longest time when there are too many', () => {
    const context = new Context(2, Infinity);
    const at = (n: number): SingleCall => call(0, { stack: [`src/a.ts:${n}`] });
    for (let n = 0; n < limits.nPlusOne.groups; n++) context.add(at(n));
    expect(context.add(at(0))).toMatchObject({ isNew: true });
    context.add(at(limits.nPlusOne.groups));
    expect(context.add(at(1))).toBeNull();
    expect(context.add(at(0))).toMatchObject({ isNew: false });
  });
});

describe('the loops of all contexts', () => {
  it('are added up by shape and place, and listed by the time that they took', () => {
    const loops = new Loops();
    const quick = call(0, { shape: 'batch_deposit' });
    expect(loops.add(quick, { calls: 5, durationMs: 1, isNew: true })).toMatchObject({ calls: 5 });
    expect(loops.add(call(0), { calls: 5, durationMs: 10, isNew: true })).toMatchObject({ runs: 1 });
    expect(loops.add(call(0), { calls: 1, durationMs: 2.55, isNew: false })).toBeNull();
    expect(loops.add(call(0), { calls: 5, durationMs: 10, isNew: true })).toBeNull();
    const [slow, other] = loops.list();
    expect(slow).toEqual({
      shape: 'batch_get_accounts',
      callSite: 'src/a.ts:1',
      callers: ['src/b.ts:2'],
      runs: 2,
      calls: 11,
      durationMs: 22.55,
      instead: 'call batchGetAccounts once with all items',
    });
    expect(other).toMatchObject({ shape: 'batch_deposit', calls: 5 });
    expect(sentenceOf(slow!)).toBe(
      'batch_get_accounts was called 11 times for one item each at src/a.ts:1, which took 22.6 ms. Instead, call batchGetAccounts once with all items',
    );
  });

  it('are bounded in number', () => {
    const loops = new Loops();
    for (let n = 0; n <= limits.nPlusOne.loops; n++)
      loops.add(call(0, { stack: [`src/a.ts:${n}`] }), { calls: 5, durationMs: 1, isNew: true });
    expect(loops.list()).toHaveLength(limits.nPlusOne.loops);
  });
});
