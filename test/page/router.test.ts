import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hrefOf, match, parseAddress } from '../../page/router.ts';

describe('an address of the page', () => {
  it.each([
    ['', []],
    ['#', []],
    ['#/', []],
    ['#/user/ann/account/USD', ['user', 'ann', 'account', 'USD']],
    ['#/book/BTC%2FUSD', ['book', 'BTC/USD']],
    ['#/user/%E2%80%AEeve', ['user', '\u202Eeve']],
    // Typed by hand, and not encoded.
    ['#/user/100%', ['user', '100%']],
  ])('it is read into its parts: %s', (fragment, parts) => {
    expect(parseAddress(fragment)).toEqual({ parts, query: {} });
  });

  it('its parameters are read from behind the question mark', () => {
    expect(parseAddress('#/?operation=batch_lock_funds&window=hour')).toEqual({
      parts: [],
      query: { operation: 'batch_lock_funds', window: 'hour' },
    });
  });

  it('whatever its parts and parameters contain, reading it gives them back', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(fc.array(text), fc.dictionary(text, text), (parts, query) => {
        const address = parseAddress(hrefOf(parts, query));
        expect(address.parts).toEqual(parts);
        expect({ ...address.query }).toEqual({ ...query });
      }),
    );
  });

  it('parameters without a value are left out', () => {
    expect(hrefOf([], { operation: null, window: undefined, code: '', depth: '20' })).toBe('#/?depth=20');
  });
});

describe('a pattern of addresses', () => {
  it('it gives the parts that it names', () => {
    expect(match('user/:userId/account/:currency', ['user', 'ann', 'account', 'USD'])).toEqual({
      userId: 'ann',
      currency: 'USD',
    });
  });

  it.each([
    ['', ['user']],
    ['user/:userId', ['user']],
    ['user/:userId', ['order', 'ann']],
    ['user/:userId', ['user', 'ann', 'orders']],
  ])('it fits no other address: %s for %j', (pattern, parts) => {
    expect(match(pattern, parts)).toBeNull();
  });
});
