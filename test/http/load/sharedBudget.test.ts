import { expect, it } from 'vitest';
import { SharedBudget } from '../../../src/http/load/sharedBudget.ts';

const KEYS = ['ann', 'bob', 'cid'];

it('a budget is never exceeded, and no key uses more than half of it', () => {
  const budget = new SharedBudget({ most: 8 });
  const room = (amount = 1) => KEYS.map((key) => budget.hasRoom(key, amount));
  const back = [1, 2, 3, 4].map(() => budget.use('ann'));
  expect(room()).toEqual([false, true, true]);
  back.push(budget.use('bob', 2));
  // A quarter is reserved for keys that use nothing.
  expect(room()).toEqual([false, false, true]);
  expect(room(3)).toEqual([false, false, false]);
  back.push(budget.use('cid', 2));
  expect([budget.used, room()]).toEqual([8, [false, false, false]]);
  for (const giveBack of back) giveBack();
  expect([budget.used, room()]).toEqual([0, [true, true, true]]);
});

it('a key that uses nothing may take more than half of the budget if as much is free, once', () => {
  const budget = new SharedBudget({ most: 8 });
  expect(budget.hasRoom('ann', 7)).toBe(true);
  const giveBack = budget.use('ann', 7);
  expect([budget.hasRoom('ann'), budget.hasRoom('bob'), budget.hasRoom('bob', 2)]).toEqual([
    false,
    true,
    false,
  ]);
  giveBack();
  expect(budget.hasRoom('ann', 9)).toBe(false);
});
