import { expect, test } from 'vitest';
import { formatEvent, readEvent } from '../../src/replay/recording/events.ts';

const GOOD = ['65595247', '1430438404518', '1430438404000', '236.47', '200000000', 'created', 'bid'];

/** The good line with one field replaced. */
const but = (place: number, text: string): string[] => GOOD.with(place, text);

test('a line is read, and is written again as it was', () => {
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
  ['a single empty field', ['']],
  ['no id', but(0, '')],
  ['an id with other characters', but(0, 'a b')],
  ['an id of 37 characters', but(0, 'x'.repeat(37))],
  ['an id with a NUL', but(0, 'a\0')],
  ['a time that is no number', but(1, 'yesterday')],
  ['a time before the epoch', but(2, '-1')],
  ['a price that is no number', but(3, 'NaN')],
  ['a price of 0', but(3, '0.00')],
  ['a negative price', but(3, '-1')],
  ['a price in scientific notation', but(3, '2e2')],
  ['a volume with decimals', but(4, '1.5')],
  ['a volume in scientific notation', but(4, '2e+08')],
  ['a negative volume', but(4, '-5')],
  ['a volume of 19 digits', but(4, '1'.repeat(19))],
  ['a created order of volume 0', but(4, '0')],
  ['an unknown action', but(5, 'moved')],
  ['an unknown direction', but(6, 'up')],
  ['a direction named like a property of every object', but(6, 'constructor')],
])('a line with %s is malformed', (_, fields) => {
  expect(readEvent(fields)).toBeNull();
});
