import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amountParts, difference, sumOf } from '../../page/format/amounts.ts';
import { bytes, compact, duration, percent } from '../../page/format/numbers.ts';
import { operationTitle, piecesOf } from '../../page/format/text.ts';
import { ago, timeParts } from '../../page/format/times.ts';

describe('an amount on the page', () => {
  const shown = (amount: string): string => {
    const parts = amountParts(amount);
    return parts === null ? amount : parts.sign + parts.groups.join('') + parts.fraction + parts.zeros;
  };

  it.each([
    ['0', { sign: '', groups: ['0'], fraction: '', zeros: '' }],
    ['1234567.50000000', { sign: '', groups: ['1', '234', '567'], fraction: '.5', zeros: '0000000' }],
    ['-100.00', { sign: '-', groups: ['100'], fraction: '', zeros: '.00' }],
    // More digits than a number has.
    [
      '12345678901234567.000000000000000001',
      {
        sign: '',
        groups: ['12', '345', '678', '901', '234', '567'],
        fraction: '.000000000000000001',
        zeros: '',
      },
    ],
  ])('its digits stand in groups, and zeros at the end apart: %s', (amount, parts) => {
    expect(amountParts(amount)).toEqual(parts);
  });

  it('every digit is shown', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^-?\d{1,40}(\.\d{1,18})?$/), (amount) => {
        expect(shown(amount)).toBe(amount);
      }),
    );
  });

  it.each(['', 'abc', '1e5', '1.', '.5', '1 000', 'NaN'])(
    'a text that is no decimal number is shown as it is: %j',
    (text) => {
      expect(amountParts(text)).toBeNull();
    },
  );

  it('sums and differences are exact', () => {
    expect(sumOf(['0.1', '0.2'])).toBe('0.3');
    expect(sumOf(['9007199254740993', '0.000000000000000001'])).toBe('9007199254740993.000000000000000001');
    expect(sumOf([])).toBe('0');
    expect(difference('60000.49', '59896.3')).toBe('104.19');
    expect(difference('0.05', '1')).toBe('-0.95');
  });
});

describe('a text of somebody else', () => {
  it('characters that cannot be seen, or that turn the text around, are named', () => {
    expect(piecesOf('eve\u202Egnp.exe')).toEqual([
      { text: 'eve' },
      { hidden: 'U+202E' },
      { text: 'gnp.exe' },
    ]);
    expect(piecesOf('\u0000')).toEqual([{ hidden: 'U+0000' }]);
    expect(piecesOf('a\u00A0b\u200B')).toEqual([
      { text: 'a' },
      { hidden: 'U+00A0' },
      { text: 'b' },
      { hidden: 'U+200B' },
    ]);
    expect(piecesOf('\u{E0041}')).toEqual([{ hidden: 'U+E0041' }]);
  });

  it.each(['', 'ann', '"><img src=x onerror=alert(1)>', "O'Neil & Sons", 'علي', '🦊 fox', 'naïve'])(
    'all else is shown as it is: %j',
    (text) => {
      expect(piecesOf(text)).toEqual(text === '' ? [] : [{ text }]);
    },
  );

  it('an operation is named by words, without the beginning that all have', () => {
    expect(operationTitle('batch_lock_funds')).toBe('lock funds');
    expect(operationTitle('import_orders')).toBe('import orders');
    expect(operationTitle('batch_')).toBe('batch ');
  });
});

describe('a figure on the page', () => {
  it.each([
    [null, '–'],
    [0, '0 ms'],
    [0.001, '<0.01 ms'],
    [0.4677, '0.468 ms'],
    [99.97, '100 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [61_000, '61 s'],
    [180_000, '3 min'],
    [7_200_000, '2 h'],
    [864_000_000, '10 d'],
  ])('a duration has three digits and the unit that suits: %s ms', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [null, '–'],
    [0, '0%'],
    [0.00001, '<0.01%'],
    [0.5, '50%'],
    [0.9951, '99.51%'],
    [0.99999, '>99.99%'],
    [1, '100%'],
  ])('a share reads 100% only if nothing is missing, and 0%% only if nothing is there: %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it('a rate has three digits', () => {
    expect([0, 0.001, 0.256, 3.444, 12_345, 4_560_000].map((value) => compact(value))).toEqual([
      '0',
      '<0.01',
      '0.256',
      '3.44',
      '12.3K',
      '4.56M',
    ]);
  });

  it('a size has the unit that suits', () => {
    expect([8_192, 1_048_576, 500].map(bytes)).toEqual(['8 KiB', '1 MiB', '500 B']);
  });
});

describe('a time on the page', () => {
  it('it keeps the digits that the service sends', () => {
    expect(timeParts('2026-12-01T00:57:12.123456Z')).toEqual({
      day: '2026-12-01',
      clock: '00:57:12',
      fraction: '.123456',
    });
    expect(timeParts('2026-12-01T00:57:12Z')).toEqual({ day: '2026-12-01', clock: '00:57:12', fraction: '' });
    expect(timeParts('yesterday')).toBeNull();
  });

  it.each([
    ['2026-12-01T00:00:00.000Z', 'just now'],
    ['2026-11-30T23:59:18.000Z', '42 s ago'],
    ['2026-11-30T23:55:00.000Z', '5 min ago'],
    ['2026-11-30T01:00:00.000Z', '23 h ago'],
    ['2026-11-20T00:00:00.000Z', '11 days ago'],
    // The clock of another process is ahead.
    ['2026-12-01T00:00:05.000Z', 'just now'],
    ['?', ''],
  ])('how long ago it was is told by the clock of the service: %s', (at, text) => {
    expect(ago(at, '2026-12-01T00:00:00.000Z')).toBe(text);
  });
});
