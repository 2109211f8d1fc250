import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/config/duration.ts';

describe('a duration', () => {
  it.each([
    ['1ms', 1],
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['2147483647ms', 2_147_483_647],
  ])('the duration %s is %d milliseconds', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '30',
    '30 s',
    '1.5s',
    '-1s',
    '+1s',
    '0s',
    '30S',
    '1d',
    's',
    '30s\n',
    '2147483648ms',
    '1e3s',
    '٣s',
  ])('the text %j is no duration', (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});
