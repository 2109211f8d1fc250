import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/limits.ts';
import {
  decodeNumeric,
  divideUp,
  encodeNumeric,
  formatAmount,
  parseAmount,
  trimDecimal,
} from '../../src/money/amount.ts';

const parse = (value: unknown, scale: number): bigint | string =>
  parseAmount(value, scale, limits.books.integerDigits);
const scales = fc.integer({ min: 0, max: 18 });
const most = 10n ** 48n;

describe('an amount', () => {
  it.each([
    ['0', 0, 0n],
    ['0', 8, 0n],
    ['1', 0, 1n],
    ['1.5', 8, 150_000_000n],
    ['1.50', 2, 150n],
    ['0.00000001', 8, 1n],
    ['100', 2, 10_000n],
    ['0.1', 18, 100_000_000_000_000_000n],
    ['9'.repeat(30), 0, BigInt('9'.repeat(30))],
    [`${'9'.repeat(30)}.${'9'.repeat(18)}`, 18, BigInt('9'.repeat(48))],
  ])('the text %s at scale %i reads as the amount %s', (text, scale, integer) => {
    expect(parse(text, scale)).toBe(integer);
  });

  it.each([
    1,
    0.1,
    NaN,
    Infinity,
    1n,
    null,
    undefined,
    true,
    {},
    [],
    ['1'],
    new String('1'),
    Object(1n),
    Symbol('1'),
  ])('an amount that is not a text is refused: %s', (value) => {
    expect(parse(value, 8)).toContain('must be a decimal string');
  });

  it.each([
    '',
    '-1',
    '-0',
    '+1',
    '1e3',
    '1E3',
    '0x10',
    '0b1',
    '01',
    '00',
    '00.1',
    '.5',
    '1.',
    '.',
    ' 1',
    '1 ',
    '1\n',
    '\t1',
    '1,5',
    '1_000',
    '1.2.3',
    '１',
    '١',
    '1.５',
    'NaN',
    'Infinity',
    '-Infinity',
    'null',
    '1n',
    '1\0',
    '½',
  ])('an amount that is not plain digits with at most one point is refused: %j', (text) => {
    expect(parse(text, 8)).toContain('must be a plain decimal string');
  });

  it('an amount with more decimals than its currency is refused, also if they are zeros', () => {
    expect(parse('1.001', 2)).toBe('must have at most 2 decimals');
    expect(parse('1.000', 2)).toBe('must have at most 2 decimals');
    expect(parse('1.0', 0)).toBe('must have at most 0 decimals');
    expect(parse(`0.${'0'.repeat(18)}1`, 18)).toBe('must have at most 18 decimals');
  });

  it('an amount with 31 digits before the point is refused', () => {
    expect(parse('1'.repeat(31), 8)).toBe('must have at most 30 digits before the point');
    expect(typeof parse('1'.repeat(30), 8)).toBe('bigint');
  });

  it('an amount reads back from its text at any scale', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, most - 1n), scales, (amount, scale) => {
        const text = formatAmount(amount, scale);
        expect(parseAmount(text, scale, 60)).toBe(amount);
        expect(parseAmount(encodeNumeric(amount, scale), scale, 60)).toBe(amount);
      }),
    );
  });

  it('an amount is written without trailing zeros', () => {
    expect(formatAmount(150_000_000n, 8)).toBe('1.5');
    expect(formatAmount(100n, 2)).toBe('1');
    expect(formatAmount(100n, 0)).toBe('100');
    expect(formatAmount(0n, 18)).toBe('0');
    expect(formatAmount(1n, 18)).toBe('0.000000000000000001');
    expect(formatAmount(-150n, 2)).toBe('-1.5');
  });

  it('an amount is read as the number that its digits say', () => {
    const digits = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 18 });
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 30n - 1n), digits, scales, (whole, decimals, scale) => {
        const kept = decimals.slice(0, scale);
        const text = kept.length === 0 ? String(whole) : `${whole}.${kept.join('')}`;
        // Digit by digit, independently of the code under test.
        let expected = whole;
        for (let place = 0; place < scale; place++) expected = expected * 10n + BigInt(kept[place] ?? 0);
        expect(parse(text, scale)).toBe(expected);
      }),
    );
  });
});

describe('a stored amount', () => {
  it('a stored amount reads back as it was written, also a negative one', () => {
    fc.assert(
      fc.property(fc.bigInt(-most, most), scales, (amount, scale) => {
        expect(decodeNumeric(encodeNumeric(amount, scale), scale)).toBe(amount);
        expect(decodeNumeric(formatAmount(amount, scale), scale)).toBe(amount);
      }),
    );
  });

  it.each([
    ['1.500', 8, 150_000_000n],
    ['1.500000000000', 8, 150_000_000n],
    ['7', 2, 700n],
    ['-0.5', 2, -50n],
    ['-0.50000', 2, -50n],
    ['0', 18, 0n],
    ['0.00', 0, 0n],
  ])('the stored text %s at scale %i reads as the amount %s', (text, scale, integer) => {
    expect(decodeNumeric(text, scale)).toBe(integer);
  });

  it('a stored amount with more decimals than its currency is an error, and is never shortened', () => {
    expect(() => decodeNumeric('1.001', 2)).toThrow(RangeError);
  });
});

describe('trimDecimal', () => {
  it.each([
    ['1.50000000', '1.5'],
    ['100.00', '100'],
    ['100', '100'],
    ['0.00', '0'],
    ['-1.10', '-1.1'],
    ['1000', '1000'],
    ['10.010', '10.01'],
  ])('trimDecimal turns %s into %s', (text, trimmed) => {
    expect(trimDecimal(text)).toBe(trimmed);
  });
});

describe('divideUp', () => {
  it('divideUp returns the least integer that is not less than the quotient', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, most), fc.bigInt(1n, 10n ** 24n), (dividend, divisor) => {
        const quotient = divideUp(dividend, divisor);
        expect(quotient * divisor >= dividend).toBe(true);
        expect(quotient === 0n || (quotient - 1n) * divisor < dividend).toBe(true);
      }),
    );
  });
});
