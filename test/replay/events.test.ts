import { expect, test } from 'vitest';
import { formatEvent, readEvent } from '../../src/replay/events.ts';

const GOOD = ['65595247', '1430438404518', '1430438404000', '236.47', '200000000', 'created', 'bid'];

/** The good line with one field replaced. */
const but = (place: number, text: string): string[] => GOOD.with(place, text);

test('reads a line, and writes it again as it was', () => {
  const event = readEvent(GOOD)!;
  expect(event).toEqual({
    orderId: '65595247',
    time: 1430438404518,
    exchangeTime: 1430438404000,
    price: 236_470_000_000_000_000_000n,
    volume: 200_000_000n,
    action: 'created',
    side: 'buy',
  });
  expect(formatEvent(event)).toBe(GOOD.join());
});

test.each([
  ['a field too few', GOOD.slice(1)],
  ['a field too many', [...GOOD, '']],
  ['nothing', ['']],
  ['no id', but(0, '')],
  ['an id with other characters', but(0, 'a b')],
  ['an id of 37 characters', but(0, 'x'.repeat(37))],
  ['an id with a NUL', but(0, 'a\0')],
  ['a time that is none', but(1, 'yesterday')],
  ['a time before the epoch', but(2, '-1')],
  ['a price that is none', but(3, 'NaN')],
  ['a price of 0', but(3, '0.00')],
  ['a negative price', but(3, '-1')],
  ['a price in scientific notation', but(3, '2e2')],
  ['a volume with decimals', but(4, '1.5')],
  ['a volume in scientific notation', but(4, '2e+08')],
  ['a negative volume', but(4, '-5')],
  ['a volume of 19 digits', but(4, '1'.repeat(19))],
  ['an order of nothing', but(4, '0')],
  ['another action', but(5, 'moved')],
  ['another direction', but(6, 'up')],
  ['a direction that every object has', but(6, 'constructor')],
])('%s is malformed', (_, fields) => {
  expect(readEvent(fields)).toBeNull();
});
