import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escaped, refuseAmbiguous, textFinder } from '../../../src/http/body/jsonText.ts';
import { Problem } from '../../../src/http/problems/problem.ts';

const ANY = 1_000_000;

/** The message with which a text is refused; undefined where it is not. */
function refusal(json: string, mostValues = ANY): string | undefined {
  try {
    refuseAmbiguous(json, mostValues);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  }
}

const textAt = (json: string, pointer: string): string | undefined => textFinder(json)(pointer);

/** The pointers of a value and of everything in it, each with the value at that place. */
function* placesOf(value: unknown, pointer = ''): Generator<[pointer: string, value: unknown]> {
  yield [pointer, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) yield* placesOf(inner, `${pointer}/${escaped(name)}`);
}

describe('a JSON text', () => {
  it('the JSON text of any value is accepted, however it is laid out', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', ' ', '\n\t'), (value, space) => {
        expect(refusal(JSON.stringify(value, null, space))).toBeUndefined();
      }),
    );
  });

  it('a pointer finds the text at its place', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', '\r\n  '), (value, space) => {
        const text = JSON.stringify(value, null, space);
        for (const [pointer, inner] of placesOf(JSON.parse(text))) {
          const isObject = typeof inner === 'object' && inner !== null;
          const kind = Array.isArray(inner) ? 'an array' : 'an object';
          expect(textAt(text, pointer)).toBe(isObject ? kind : JSON.stringify(inner));
        }
        expect(textAt(text, '/no such member')).toBeUndefined();
      }),
    );
  });

  it('a pointer finds the same text in whatever order pointers are asked for', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.infiniteStream(fc.nat()), (value, dice) => {
        const text = JSON.stringify(value);
        const pointers = [...placesOf(JSON.parse(text))].map(([pointer]) => pointer);
        const at = textFinder(text);
        for (const pointer of [
          ...pointers,
          ...pointers.map(() => pointers[dice.next().value! % pointers.length]!),
        ])
          expect(at(pointer)).toBe(textAt(text, pointer));
      }),
    );
  });

  it('a number is found as it was sent', () => {
    expect(textAt('{"a": [ 1, {"b\\u0063" : 0.1000000000000000000001e5 }]}', '/a/1/bc')).toBe(
      '0.1000000000000000000001e5',
    );
    expect(textAt('', '')).toBeUndefined();
    expect(textAt(' "a" ', '')).toBe('"a"');
    expect(textAt('[1]', '/1')).toBeUndefined();
    expect(textAt('[1]', '/0/0')).toBeUndefined();
  });

  it.each([
    ['{"a":1,"a":1}', '/a'],
    ['{"a":{"a":"a"},"b":["a","a"],"c":{"d":[{},{"e/f":1,"e\\u002ff":2}]}}', '/c/d/1/e~1f'],
    ['[{"a":1},{"a":1,"b":{"a":[[]]},"a":2}]', '/1/a'],
    ['{"":0,"":0}', '/'],
    ['{"a\\u0000":0,"a\\u0000":0}', '/a\0'],
  ])('a JSON text that has a field twice is refused: %s', (json, pointer) => {
    expect(refusal(json)).toBe(`${pointer} is given twice`);
  });

  it('a JSON text may have only so many values and levels', () => {
    expect(refusal('[[1,2],{"a":3}]', 6)).toBeUndefined();
    expect(refusal('[[1,2],{"a":3}]', 5)).toBe('A body has at most 5 values');
    const nested = (levels: number) => '{"a":'.repeat(levels - 1) + '[]' + '}'.repeat(levels - 1);
    expect(refusal(nested(32))).toBeUndefined();
    expect(refusal(nested(33))).toBe('The body is nested deeper than 32 levels');
  });

  it('a text that is no JSON is looked through to its end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', ' ', 'a')),
        (characters) => {
          const refused = refusal(characters.join(''));
          expect(refused === undefined || / twice$|levels$/.test(refused)).toBe(true);
        },
      ),
    );
  });
});
