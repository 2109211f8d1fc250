import { describe, expect, test } from 'vitest';
import type { OrderView, TradeView } from '../../src/index.ts';
import { orders, trades } from '../../src/repository/kinds.ts';
import { timeToLive } from '../../src/repository/timeToLive.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const CONFIGURED = 30_000;
const changed = (secondsAgo: number, isFinal = false) => ({ isFinal, changedAt: NOW - secondsAgo * 1_000 });
const lives = (freshness: Parameters<typeof timeToLive>[2], random = 0): number =>
  timeToLive(CONFIGURED, 'adaptive', freshness, NOW, random);

describe('how long something stays in the cache', () => {
  test('is as configured for what has not changed for longer', () => {
    expect(lives(changed(31))).toBe(30_000);
    expect(lives(changed(86_400))).toBe(30_000);
  });

  test('is as long as it has not changed, where that is shorter', () => {
    expect(lives(changed(12))).toBe(12_000);
  });

  test('is a second at least, for what changed just now and for clocks that differ', () => {
    expect(lives(changed(0))).toBe(1_000);
    expect(lives(changed(-5))).toBe(1_000);
  });

  test('is twenty times as long for what can change no more', () => {
    expect(lives(changed(0, true))).toBe(600_000);
  });

  test('is a second for what is not there', () => {
    expect(lives({ isFinal: false, changedAt: null })).toBe(1_000);
    expect(timeToLive(500, 'adaptive', { isFinal: false, changedAt: null }, NOW, 0)).toBe(500);
  });

  test('is spread over a fifth, so that what is stored together does not expire together', () => {
    expect(lives(changed(60), 0.5)).toBe(27_000);
    expect(lives(changed(60), 1)).toBe(24_000);
  });

  test('is as configured for all that is there, when it is fixed', () => {
    for (const freshness of [changed(0), changed(60), changed(0, true)]) {
      expect(timeToLive(CONFIGURED, 'fixed', freshness, NOW, 0)).toBe(CONFIGURED);
    }
    expect(timeToLive(CONFIGURED, 'fixed', { isFinal: false, changedAt: null }, NOW, 0)).toBe(1_000);
  });
});

describe('what can change no more', () => {
  const order = { updatedAt: '2026-01-01T12:00:00.000Z' } as OrderView;

  test.each(['filled', 'cancelled', 'expired', 'rejected'] as const)('is an order that is %s', (status) => {
    expect(orders.freshnessOf({ ...order, status })).toEqual({ isFinal: true, changedAt: NOW });
  });

  test.each(['pending', 'open', 'partially_filled'] as const)('is no order that is %s', (status) => {
    expect(orders.freshnessOf({ ...order, status })).toEqual({ isFinal: false, changedAt: NOW });
  });

  test('are the trades of an order that has ended', () => {
    const trade = { executedAt: order.updatedAt } as TradeView;
    expect(trades.freshnessOf({ trades: [trade], isFinal: true })).toEqual({ isFinal: true, changedAt: NOW });
    expect(trades.freshnessOf({ trades: [trade], isFinal: false })).toMatchObject({ isFinal: false });
    expect(trades.freshnessOf({ trades: [], isFinal: false })).toEqual({ isFinal: false, changedAt: null });
  });
});
