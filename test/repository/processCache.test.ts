import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { isHit } from '../../src/repository/cache/cache.ts';
import { ProcessCache } from '../../src/repository/cache/processCache.ts';

async function put(cache: ProcessCache, key: string, value: unknown, ttlMs = 60_000): Promise<void> {
  const { entries } = await cache.read([key]);
  const [miss] = entries;
  if (miss === undefined || isHit(miss) || miss.lease === null) throw new Error(`${key} is there already`);
  await cache.fill([{ key, lease: miss.lease, version: 1, value, ttlMs }]);
}

async function has(cache: ProcessCache, key: string): Promise<boolean> {
  const { entries } = await cache.read([key]);
  return entries.some(isHit);
}

describe('the cache in the process', () => {
  test('the cache in the process is bounded by bytes, and evicts the entries that were read least recently', async () => {
    const cache = new ProcessCache(100_000);
    for (let n = 0; n < 100; n++) await put(cache, `key ${n}`, 'x'.repeat(10_000));
    expect(await has(cache, 'key 99')).toBe(true);
    expect(await has(cache, 'key 0')).toBe(false);
    const kept = [];
    for (let n = 0; n < 100; n++) if (await has(cache, `key ${n}`)) kept.push(n);
    expect(kept.length).toBeGreaterThan(5);
    expect(kept.length).toBeLessThanOrEqual(10);
  });

  test('an entry that is larger than the whole cache is not kept', async () => {
    const cache = new ProcessCache(10_000);
    await put(cache, 'large', 'x'.repeat(20_000));
    expect(await has(cache, 'large')).toBe(false);
  });

  test('an entry expires when its time is over, and a newer value does not make it live longer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    onTestFinished(() => {
      clock.mockRestore();
      vi.useRealTimers();
    });
    const pass = (ms: number): void => {
      clock.mockReturnValue(performance.now() + ms);
      // The cache looks at the clock no more than once a millisecond.
      vi.advanceTimersByTime(ms);
    };
    const cache = new ProcessCache();
    await put(cache, 'short', 'old', 500);
    pass(400);
    await cache.publish({ replaced: [{ key: 'short', version: 2, value: () => 'new' }], removed: [] }, null);
    const { entries } = await cache.read(['short']);
    expect(entries).toEqual([{ version: 2, value: 'new' }]);
    pass(99);
    expect(await has(cache, 'short')).toBe(true);
    pass(2);
    expect(await has(cache, 'short')).toBe(false);
  });

  test('cached values are frozen, so that no caller can change them', async () => {
    const cache = new ProcessCache();
    const value = { orders: [{ id: 'a' }] };
    await put(cache, 'list', value);
    expect(Object.isFrozen(value)).toBe(true);
    expect(() => value.orders.push({ id: 'b' })).toThrow(TypeError);
    expect(Object.isFrozen(value.orders[0])).toBe(true);
  });
});
