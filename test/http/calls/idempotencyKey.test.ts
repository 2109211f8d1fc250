import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/http/problems/problem.ts';
import { readIdempotencyKey } from '../../../src/http/calls/idempotencyKey.ts';

describe('the header Idempotency-Key', () => {
  it('an Idempotency-Key is a string in double quotes, and may be absent', () => {
    expect(readIdempotencyKey(undefined)).toBeNull();
    expect(readIdempotencyKey('"8e03978e-40d5-43e8-bc93-6894a57f9324"')).toBe(
      '8e03978e-40d5-43e8-bc93-6894a57f9324',
    );
    expect(readIdempotencyKey('  "a \\"quoted\\" \\\\ word"  ')).toBe('a "quoted" \\ word');
    expect(readIdempotencyKey(`"${'k'.repeat(255)}"`)).toHaveLength(255);
    expect(readIdempotencyKey('"k";unknown=1')).toBe('k');
  });

  it.each([
    ['without quotes', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['a token', 'abc'],
    ['a number', '7'],
    ['bytes', ':aGVsbG8=:'],
    ['empty', ''],
    ['an empty string', '""'],
    ['too long', `"${'k'.repeat(256)}"`],
    ['left open', '"abc'],
    ['beyond ASCII', '"café"'],
    ['two keys', '"a", "b"'],
    ['followed by something else', '"a" b'],
  ])('an Idempotency-Key is refused when it is %s', (_, header) => {
    expect(() => readIdempotencyKey(header)).toThrow(Problem);
    expect(() => readIdempotencyKey(header)).toThrow(
      expect.objectContaining({ status: 400, code: 'invalid_idempotency_key' }),
    );
  });

  it('an Idempotency-Key that is sent twice is refused', () => {
    expect(() => readIdempotencyKey(['"a"', '"a"'])).toThrow(Problem);
  });
});
