import { expect, test } from 'vitest';
import { generateDay } from '../../src/demo/generator.ts';
import { formatEvent, readEvent } from '../../src/replay/recording/events.ts';
import { Lifecycle } from '../../src/replay/lifecycle.ts';

test('the same seed gives the same day, and another seed gives another day', () => {
  const day = (seed: number) => [...generateDay({ events: 2_000, seed, messy: 0.05 })];
  expect(day(1)).toEqual(day(1));
  expect(day(1)).not.toEqual(day(2));
});

test('a day has as many events as asked for, and each event reads back from its recorded line', () => {
  const day = [...generateDay({ events: 10_000 })];
  expect(day).toHaveLength(10_000);
  for (const event of day) expect(readEvent(formatEvent(event!).split(','))).toEqual(event);
});

test('a day without messy lines has no skipped line, and its cancellations and fills are in the ratio of an exchange', () => {
  const lifecycle = new Lifecycle();
  const kinds = { place: 0, cancel: 0, fill: 0 };
  const bought = { buy: 0n, sell: 0n };
  for (const event of generateDay({ events: 20_000 })) {
    const happening = lifecycle.next(event);
    if (happening === null) continue;
    kinds[happening.kind]++;
    if (happening.kind === 'fill') bought[happening.fill.order.side] += happening.fill.quantity;
  }
  expect(lifecycle.skipped.toJSON()).toEqual({});
  expect(lifecycle.cancelledAtOtherVolume).toBe(0);
  expect(kinds.cancel / kinds.place).toBeGreaterThan(0.85);
  expect(kinds.fill / 20_000).toBeGreaterThan(0.02);
  expect(kinds.fill / 20_000).toBeLessThan(0.15);
  expect(bought.buy).toBe(bought.sell);
});

test('a messy day has lines of every reason for being skipped', () => {
  const lifecycle = new Lifecycle();
  for (const event of generateDay({ events: 20_000, messy: 0.05 })) lifecycle.next(event);
  expect(Object.keys(lifecycle.skipped.toJSON()).sort()).toEqual([
    'changed_after_deleted',
    'created_after_deleted',
    'created_twice',
    'deleted_before_created',
    'deleted_twice',
    'malformed',
    'unchanged',
    'unknown_id',
    'volume_increased',
  ]);
});
