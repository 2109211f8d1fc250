import { describe, expect, test } from 'vitest';
import type { OrderView, TradeView } from '../../src/index.ts';
import { orders, trades } from '../../src/repository/kinds.ts';
import { timeToLive } from '../../src/repository/cache/timeToLive.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const CONFIGURED = 30_000;
const changed = (secondsAgo: number, isFinal = false) => ({ isFinal, changedAt: NOW - secondsAgo * 1_000 });
const lives = (freshness: Parameters<typeof timeToLive>[2], random = 0): number =>
  timeToLive(CONFIGURED, 'adaptive', freshness, NOW, random);

describe('the time to live in the cache', () => {
  test('a row that has not changed for longer than the configured time lives for the configured time', () => {
    expect(lives(changed(31))).toBe(30_000);
    expect(lives(changed(86_400))).toBe(30_000);
  });

  test('a row that changed more recently lives for as long as it has not changed', () => {
    expect(lives(changed(12))).toBe(12_000);
  });

  test('a row that changed just now, or in the future by another clock, lives for one second', () => {
    expect(lives(changed(0))).toBe(1_000);
    expect(lives(changed(-5))).toBe(1_000);
  });

  test('a row that can change no more lives for twenty times the configured time', () => {
    expect(lives(changed(0, true))).toBe(600_000);
  });

  test('a missing row lives for one second, or for the configured time where that is shorter', () => {
    expect(lives({ isFinal: false, changedAt: null })).toBe(1_000);
    expect(timeToLive(500, 'adaptive', { isFinal: false, changedAt: null }, NOW, 0)).toBe(500);
  });

  test('times to live are spread over a fifth, so that rows stored together do not expire together', () => {
    expect(lives(changed(60), 0.5)).toBe(27_000);
    expect(lives(changed(60), 1)).toBe(24_000);
  });

  test('with the setting fixed every row that exists lives for the configured time', () => {
    for (const freshness of [changed(0), changed(60), changed(0, true)]) {
      expect(timeToLive(CONFIGURED, 'fixed', freshness, NOW, 0)).toBe(CONFIGURED);
    }
    expect(timeToLive(CONFIGURED, 'fixed', { isFinal: false, changedAt: null }, NOW, 0)).toBe(1_000);
  });
});

describe('rows that can change no more', () => {
  const order = { updatedAt: '2026-01-01T12:00:00.000Z' } as OrderView;

  test.each(['filled', 'cancelled', 'expired', 'rejected'] as const)(
    'an order that is %s can change no more',
    (status) => {
      expect(orders.freshnessOf({ ...order, status })).toEqual({ isFinal: true, changedAt: NOW });
    },
  );

  test.each(['pending', 'open', 'partially_filled'] as const)(
    'an order that is %s can still change',
    (status) => {
      expect(orders.freshnessOf({ ...order, status })).toEqual({ isFinal: false, changedAt: NOW });
    },
  );

  test('the trades of an order that has ended can change no more', () => {
    const trade = { executedAt: order.updatedAt } as TradeView;
    expect(trades.freshnessOf({ trades: [trade], isFinal: true })).toEqual({ isFinal: true, changedAt: NOW });
    expect(trades.freshnessOf({ trades: [trade], isFinal: false })).toMatchObject({ isFinal: false });
    expect(trades.freshnessOf({ trades: [], isFinal: false })).toEqual({ isFinal: false, changedAt: null });
  });
});
