import { expect, it } from 'vitest';
import { PincexError } from '../src/errors.ts';
import { summarize, type ItemResult } from '../src/results.ts';

const error = { code: 'insufficient_funds', message: 'Item 1 (b): …', retryable: true } as const;
const applied: ItemResult<string> = { index: 0, id: 'a', status: 'applied', data: 'first' };
const rejected: ItemResult<string> = { index: 1, id: 'b', status: 'rejected', error };
const replayed: ItemResult<string> = { index: 2, id: 'c', status: 'replayed', data: 'before' };
const skipped: ItemResult<string> = { index: 3, id: null, status: 'skipped' };

it('a summary counts every outcome and keeps the results as they are', () => {
  const results = [applied, rejected, replayed, skipped];
  expect(summarize('batch', 'stop_on_error', results, 4.5)).toEqual({
    batchId: 'batch',
    mode: 'stop_on_error',
    status: 'partial',
    counts: { total: 4, applied: 1, rejected: 1, replayed: 1, skipped: 1 },
    durationMs: 4.5,
    results,
    successCount: 2,
    failedItems: new Map([[1, error]]),
  });
});

it.each([
  ['applied', [applied]],
  ['applied', [applied, replayed]],
  ['applied', [replayed]],
  ['applied', []],
  ['partial', [applied, rejected]],
  ['partial', [replayed, skipped]],
  ['rejected', [rejected]],
  ['rejected', [rejected, skipped]],
] as const)('a batch is %s if all, some or none of its items succeeded (%#)', (status, results) => {
  expect(summarize<string>('batch', 'partial', results, 0).status).toBe(status);
});

it('the JSON of a result and of an error has their failures, and milliseconds to a hundredth', () => {
  const summary = summarize('batch', 'partial', [applied, rejected], 4.987654321);
  expect(JSON.parse(JSON.stringify(summary))).toEqual({
    batchId: 'batch',
    mode: 'partial',
    status: 'partial',
    counts: { total: 2, applied: 1, rejected: 1, replayed: 0, skipped: 0 },
    durationMs: 4.99,
    results: [applied, rejected],
    successCount: 1,
    failedItems: { 1: error },
  });
  expect(summary.failedItems).toBeInstanceOf(Map);
  const failure = new PincexError('conflict', 'The batch lost', { cause: new Error('secret') });
  expect(JSON.parse(JSON.stringify({ failure }))).toEqual({
    failure: { name: 'PincexError', code: 'conflict', message: 'The batch lost', retryable: true },
  });
});
