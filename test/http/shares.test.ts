import { expect, it } from 'vitest';
import { Shares } from '../../src/http/shares.ts';

const KEYS = ['ann', 'bob', 'cid'];

it('shares are never more than there is, and no key has more than half', () => {
  const shares = new Shares({ most: 8 });
  const room = (amount = 1) => KEYS.map((key) => shares.hasRoom(key, amount));
  const back = [1, 2, 3, 4].map(() => shares.take('ann'));
  expect(room()).toEqual([false, true, true]);
  back.push(shares.take('bob', 2));
  // A quarter is kept for keys that have no share.
  expect(room()).toEqual([false, false, true]);
  expect(room(3)).toEqual([false, false, false]);
  back.push(shares.take('cid', 2));
  expect([shares.taken, room()]).toEqual([8, [false, false, false]]);
  for (const giveBack of back) giveBack();
  expect([shares.taken, room()]).toEqual([0, [true, true, true]]);
});

it('a key that has no share may take more than half where that much is free, once', () => {
  const shares = new Shares({ most: 8 });
  expect(shares.hasRoom('ann', 7)).toBe(true);
  const giveBack = shares.take('ann', 7);
  expect([shares.hasRoom('ann'), shares.hasRoom('bob'), shares.hasRoom('bob', 2)]).toEqual([
    false,
    true,
    false,
  ]);
  giveBack();
  expect(shares.hasRoom('ann', 9)).toBe(false);
});
