import { expect, test } from 'vitest';
import { judge, type Read } from '../../src/bench/day/staleness.ts';

const change = (state: number, committedAt: number, publishedAt: number) => ({
  state,
  committedAt,
  publishedAt,
});
const history = new Map([['a', [change(1, 0, 2), change(3, 10, 15), change(4, 20, 21)]]]);

const read = (began: number, state: number, least: number | null = null): Read => ({
  key: 'a',
  began,
  state,
  least,
});

const NOTHING = {
  staleWithMinVersion: 0,
  staleAfterPublication: 0,
  longestStaleMs: 0,
  longestPublicationMs: 5,
};

test.each([
  ['the current state is not stale', [read(3, 1), read(16, 3), read(30, 4)], {}],
  ['a state newer than any known one is not stale', [read(30, 5)], {}],
  ['a key without a history is not stale', [{ ...read(30, 0), key: 'b' }], {}],
  ['the state before a change that is not committed yet is not stale', [read(9, 1)], {}],
  [
    'the state before a change that is being published counts for the longest staleness only',
    [read(12, 1), read(14, 1)],
    { longestStaleMs: 4 },
  ],
  [
    'the state before a published change is stale',
    [read(15, 1)],
    { staleAfterPublication: 1, longestStaleMs: 5 },
  ],
  [
    'a state that was replaced long ago is stale',
    [read(30, 1)],
    { staleAfterPublication: 1, longestStaleMs: 20 },
  ],
  ['no row where there is one is stale', [read(30, 0)], { staleAfterPublication: 1, longestStaleMs: 30 }],
  ['a version below minVersion is stale', [read(9, 1, 3)], { staleWithMinVersion: 1 }],
  ['a version of minVersion is not stale', [read(9, 3, 3)], {}],
])('a read of %s', (_, reads, found) => {
  expect(judge(reads, history)).toEqual({ ...NOTHING, ...found });
});
