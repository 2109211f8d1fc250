import { describe, expect, it } from 'vitest';
import { isOpen, OPEN_STATUSES, ORDER_STATUSES, requireTransition } from '../../src/books/orders.ts';
import { Rejection } from '../../src/books/rejection.ts';
import type { OrderRow, OrderStatus } from '../../src/books/rows.ts';

/** The allowed transitions, repeated here so that a change of the rules has to be made twice. */
const MAY_FOLLOW: Readonly<Record<OrderStatus, string>> = {
  pending: 'open cancelled expired rejected',
  open: 'partially_filled filled cancelled expired rejected',
  partially_filled: 'partially_filled filled cancelled expired',
  filled: '',
  cancelled: '',
  expired: '',
  rejected: '',
};

const ALL = Object.keys(MAY_FOLLOW) as OrderStatus[];
const PAIRS = ALL.flatMap((from) => ALL.map((to) => [from, to] as const));

const USD = { code: 'USD', scale: 2 };
const BTC = { code: 'BTC', scale: 8 };
const market = {
  symbol: 'BTC/USD',
  base: BTC,
  quote: USD,
  tickSize: '0.01',
  lotSize: '0.00000001',
  priceScale: 2,
  tick: 1n,
  lot: 1n,
  minNotional: '0',
  leastValue: 0n,
  priceBand: null,
};

function orderIn(status: OrderStatus): OrderRow {
  return {
    key: 'u\0o-1',
    userId: 'u',
    id: 'o-1',
    market,
    side: 'buy',
    type: 'limit',
    status,
    quantity: 1n,
    filledQuantity: 0n,
    filledValue: 0n,
    price: 1n,
    holdAmount: null,
    placed: false,
    version: 1,
  };
}

describe('the states of an order', () => {
  it('an order has one of these seven states', () => {
    expect([...ORDER_STATUSES].sort()).toEqual([...ALL].sort());
  });

  it.each(PAIRS)('the transition from %s to %s is allowed or refused as the table says', (from, to) => {
    const allowed = MAY_FOLLOW[from].split(' ').includes(to);
    const change = (): void => {
      requireTransition(orderIn(from), to);
    };
    if (allowed) expect(change).not.toThrow();
    else expect(change).toThrow(new Rejection('invalid_transition', refusal(from, to)));
  });

  it('an order is open as long as a transition from its state is allowed', () => {
    expect([...OPEN_STATUSES].sort()).toEqual(['open', 'partially_filled', 'pending']);
    for (const status of ALL) expect(isOpen(status)).toBe(MAY_FOLLOW[status] !== '');
  });
});

function refusal(from: OrderStatus, to: OrderStatus): string {
  const next = MAY_FOLLOW[from].split(' ').join(', ');
  const accepted = next === '' ? 'nothing can follow' : `the next status can be ${next}`;
  return `Order o-1 is ${from} and cannot become ${to}: ${accepted}`;
}
