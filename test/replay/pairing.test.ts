import { expect, test } from 'vitest';
import type { OrderSide } from '../../src/index.ts';
import type { Happening } from '../../src/replay/lifecycle.ts';
import { Pairing } from '../../src/replay/pairing.ts';
import type { Fill, RecordedOrder, Step } from '../../src/replay/steps.ts';

let sequence = 0;
function order(id: string, side: OrderSide, price: bigint): RecordedOrder {
  return { id, side, price, quantity: 1_000_000n, sequence: sequence++ };
}
function fill(of: RecordedOrder, quantity: bigint): Happening & { readonly fill: Fill } {
  return { kind: 'fill', fill: { id: `${of.id}@${quantity}`, order: of, quantity } };
}

function pair(...lines: [time: number, happening: Happening | null][]): string[] {
  const pairing = new Pairing();
  const steps = lines.flatMap(([time, happening]) => pairing.next(happening, time));
  return [...steps, ...pairing.end()].map(described);
}
function described(step: Step): string {
  if (step.kind !== 'trade') return `${step.kind} ${step.order.id}`;
  const { buy, sell, quantity, price, takerSide } = step;
  return `${buy?.order.id ?? 'maker'} < ${quantity} @ ${price} < ${sell?.order.id ?? 'maker'}, ${takerSide} takes`;
}

test('two fills of one size are one trade, at the price of the order that came first', () => {
  const sell = order('s', 'sell', 100n);
  const buy = order('b', 'buy', 105n);
  expect(pair([0, fill(buy, 50n)], [3, fill(sell, 50n)])).toEqual(['b < 50 @ 100 < s, buy takes']);
  const late = order('s2', 'sell', 100n);
  expect(pair([0, fill(buy, 50n)], [3, fill(late, 50n)])).toEqual(['b < 50 @ 105 < s2, sell takes']);
});

test('two fills whose sizes differ by a rounding are one trade, and the market maker takes the rest', () => {
  const sell = order('s', 'sell', 100n);
  const buy = order('b', 'buy', 100n);
  expect(pair([0, fill(buy, 50n)], [0, fill(sell, 52n)])).toEqual([
    'b < 50 @ 100 < s, buy takes',
    'maker < 2 @ 100 < s, buy takes',
  ]);
});

test('of several fills that wait, the one nearest in size is paired', () => {
  const [one, two, three] = [order('s1', 'sell', 1n), order('s2', 'sell', 1n), order('s3', 'sell', 1n)];
  const buy = order('b', 'buy', 1n);
  const steps = pair([0, fill(one, 49n)], [0, fill(two, 50n)], [0, fill(three, 51n)], [0, fill(buy, 50n)]);
  expect(steps[0]).toBe('b < 50 @ 1 < s2, buy takes');
});

test('a fill that no single other equals is paired with several', () => {
  const [one, two] = [order('s1', 'sell', 100n), order('s2', 'sell', 101n)];
  const buy = order('b', 'buy', 103n);
  expect(pair([0, fill(one, 30n)], [5, fill(buy, 80n)], [9, fill(two, 50n)])).toEqual([
    'b < 30 @ 100 < s1, buy takes',
    'b < 50 @ 101 < s2, buy takes',
  ]);
});

test('fills whose prices do not cross are not paired, and each settles at its own price', () => {
  const sell = order('s', 'sell', 100n);
  const buy = order('b', 'buy', 99n);
  expect(pair([0, fill(sell, 50n)], [1, fill(buy, 50n)])).toEqual([
    'maker < 50 @ 100 < s, buy takes',
    'b < 50 @ 99 < maker, sell takes',
  ]);
});

test('two fills of one side are not paired', () => {
  const [one, two] = [order('s1', 'sell', 100n), order('s2', 'sell', 100n)];
  expect(pair([0, fill(one, 50n)], [1, fill(two, 50n)])).toHaveLength(2);
});

test('a fill waits one second for another and no longer, whatever the lines in between are', () => {
  const sell = order('s', 'sell', 100n);
  const buy = order('b', 'buy', 100n);
  expect(pair([0, fill(sell, 50n)], [1_000, null], [1_000, fill(buy, 50n)])).toHaveLength(1);
  expect(pair([0, fill(sell, 50n)], [1_001, null], [1_001, fill(buy, 50n)])).toEqual([
    'maker < 50 @ 100 < s, buy takes',
    'b < 50 @ 100 < maker, sell takes',
  ]);
});

test('one wrong time in a recording holds up no later line', () => {
  const [one, two] = [order('s1', 'sell', 100n), order('s2', 'sell', 100n)];
  const steps = pair([9e12, fill(one, 50n)], [0, { kind: 'place', order: two }], [1, fill(two, 7n)]);
  expect(steps).toEqual(['maker < 50 @ 100 < s1, buy takes', 'place s2', 'maker < 7 @ 100 < s2, buy takes']);
});

test('an order is cancelled only once its fills are settled', () => {
  const sell = order('s', 'sell', 100n);
  expect(pair([0, fill(sell, 50n)], [1, { kind: 'cancel', order: sell }])).toEqual([
    'maker < 50 @ 100 < s, buy takes',
    'cancel s',
  ]);
});

test('each fill is completed exactly once', () => {
  const pairing = new Pairing();
  const fills = Array.from({ length: 3_000 }, (_, n) => {
    const side = n % 3 === 0 ? 'buy' : 'sell';
    return fill(order(String(n), side, BigInt(100 + (n % 7))), BigInt(1 + ((n * 37) % 90)));
  });
  const steps = [...fills.flatMap((one, n) => pairing.next(one, n % 500)), ...pairing.end()];
  const trades = steps.filter((step) => step.kind === 'trade');
  expect(
    trades
      .flatMap(({ completes }) => completes)
      .map(({ id }) => id)
      .sort(),
  ).toEqual(fills.map((one) => one.fill.id).sort());
  for (const one of fills) {
    const parts = trades.filter(({ buy, sell }) => buy === one.fill || sell === one.fill);
    expect(parts.reduce((sum, { quantity }) => sum + quantity, 0n)).toBe(one.fill.quantity);
  }
  expect(new Set(trades.map(({ id }) => id)).size).toBe(trades.length);
});
