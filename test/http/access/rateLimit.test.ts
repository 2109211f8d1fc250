import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../../src/http/access/authenticate.ts';
import { ItemLimiter, rateLimitHeaders } from '../../../src/http/access/rateLimit.ts';
import { UNBOUND } from './unbound.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const caller = (keyId: string, rateLimit: number | null = null): Caller => ({
  keyId,
  scopes: ['read'],
  rateLimit,
  bounds: UNBOUND,
});
const ann = caller('ann');

async function take(limiter: ItemLimiter, who: Caller, items: number): Promise<[string, number, number]> {
  const { outcome, quota } = (await limiter.take(who, items))!;
  return [outcome, quota.remaining, quota.resetSeconds];
}

describe('the items of a key', () => {
  it('a key takes items up to its limit, and again from a second after the first', async () => {
    const limiter = new ItemLimiter(100);
    expect(await take(limiter, ann, 60)).toEqual(['taken', 40, 1]);
    vi.advanceTimersByTime(999);
    expect(await take(limiter, ann, 40)).toEqual(['taken', 0, 1]);
    expect(await take(limiter, ann, 1)).toEqual(['later', 0, 1]);
    vi.advanceTimersByTime(1);
    expect(await take(limiter, ann, 100)).toEqual(['taken', 0, 1]);
  });

  it('a refused call takes no items', async () => {
    const limiter = new ItemLimiter(100);
    await take(limiter, ann, 60);
    expect(await take(limiter, ann, 41)).toEqual(['later', 40, 1]);
    expect(await take(limiter, ann, 101)).toEqual(['never', 40, 1]);
    expect(await take(limiter, ann, 40)).toEqual(['taken', 0, 1]);
  });

  it('a refused call takes no items from calls that come in the same moment', async () => {
    const limiter = new ItemLimiter(100);
    const takings = await Promise.all([60, 60, 30, 20, 10, 1].map((items) => take(limiter, ann, items)));
    expect(takings.map(([outcome]) => outcome)).toEqual([
      'taken',
      'later',
      'taken',
      'later',
      'taken',
      'later',
    ]);
  });

  it('the remaining items can be asked for without taking any', async () => {
    const limiter = new ItemLimiter(100);
    expect(await limiter.left(ann)).toEqual({
      limit: 100,
      remaining: 100,
      resetSeconds: 0,
      hasDebt: false,
    });
    await take(limiter, ann, 60);
    for (let n = 0; n < 2; n++) {
      expect(await limiter.left(ann)).toEqual({
        limit: 100,
        remaining: 40,
        resetSeconds: 1,
        hasDebt: false,
      });
    }
    expect(await new ItemLimiter(null).left(ann)).toBeNull();
  });

  it('one call can never take more items than the limit, even where none were taken', async () => {
    const limiter = new ItemLimiter(100);
    expect(await take(limiter, ann, 101)).toEqual(['never', 100, 0]);
    expect(await take(limiter, ann, 100)).toEqual(['taken', 0, 1]);
  });

  it('each key has items of its own', async () => {
    const limiter = new ItemLimiter(100);
    await take(limiter, ann, 100);
    expect(await take(limiter, caller('bob'), 100)).toEqual(['taken', 0, 1]);
  });

  it('a key is bounded by its own limit, be it smaller or larger than that of the service', async () => {
    const limiter = new ItemLimiter(100);
    expect(await take(limiter, caller('few', 10), 11)).toEqual(['never', 10, 0]);
    expect(await take(limiter, caller('many', 1_000), 999)).toEqual(['taken', 1, 1]);
  });

  it('items that are charged once they are known are taken as far as there are any', async () => {
    const limiter = new ItemLimiter(100);
    expect(await limiter.charge(ann, 60)).toMatchObject({ remaining: 40, hasDebt: false });
    expect(await limiter.charge(ann, 40)).toMatchObject({ remaining: 0, resetSeconds: 1, hasDebt: false });
    expect(await new ItemLimiter(null).charge(ann, 60)).toBeNull();
  });

  it('items that are charged beyond what is left are a debt, which is paid at the rate of the limit', async () => {
    const limiter = new ItemLimiter(100);
    await take(limiter, ann, 60);
    vi.advanceTimersByTime(500);
    // The debt is 210 items, which is paid 2.1 s after the end of this window; the window ends in half a second.
    const owing = { limit: 100, remaining: 0, resetSeconds: 3, hasDebt: true };
    expect(await limiter.charge(ann, 250)).toEqual(owing);
    expect(await take(limiter, ann, 1)).toEqual(['later', 0, 3]);
    expect(await limiter.takeUpTo(ann, 1)).toEqual(owing);
    vi.advanceTimersByTime(2_000);
    expect(await limiter.left(ann)).toEqual({ ...owing, resetSeconds: 1 });
    expect(await limiter.charge(ann, 100)).toEqual({ ...owing, resetSeconds: 2 });
    vi.advanceTimersByTime(1_599);
    expect(await take(limiter, ann, 1)).toEqual(['later', 0, 1]);
    vi.advanceTimersByTime(1);
    expect(await take(limiter, ann, 100)).toEqual(['taken', 0, 1]);
  });

  it('a debt that is charged where no items were taken has a window of its own', async () => {
    expect(await new ItemLimiter(100).charge(ann, 300)).toMatchObject({ resetSeconds: 3, hasDebt: true });
  });

  it('a debt for longer than a timer can wait is still owed', async () => {
    const limiter = new ItemLimiter(1);
    await limiter.charge(ann, 1_000_000_000);
    vi.advanceTimersByTime(1_000);
    expect(await take(limiter, ann, 1)).toEqual(['later', 0, 2_147_482]);
  });

  it('items are unbounded where neither the service nor the key has a limit', async () => {
    const limiter = new ItemLimiter(null);
    expect(await limiter.take(ann, 1_000_000_000)).toBeNull();
    expect(await take(limiter, caller('few', 10), 11)).toEqual(['never', 10, 0]);
  });
});

it('the RateLimit headers are those of the draft', () => {
  expect(rateLimitHeaders({ limit: 1_000, remaining: 12, resetSeconds: 1, hasDebt: false })).toEqual({
    'RateLimit-Policy': '"items";q=1000;w=1',
    RateLimit: '"items";r=12;t=1',
  });
});
