import { describe, expect, it } from 'vitest';
import { limits } from '../../src/limits.ts';
import type { RecordedBatch } from '../../src/monitor/figures.ts';
import {
  mostNotable,
  NotableBatches,
  readNotable,
  reportedBatches,
} from '../../src/monitor/notableBatches.ts';

const HOUR_MS = 3_600_000;
const { slowest, codes, ofCode, reportBytes } = limits.monitor.notable;
const phaseMs = { load: 1, decide: 2, persist: 3, publish: 4 };

const batch = (batchId: string, durationMs: number, more: object = {}) => ({
  ...{ batchId, durationMs, items: 1, errorCode: null, phaseMs },
  ...more,
});
const rejecting = (code: string) => ({ outcomes: { applied: 0, replayed: 0, rejected: { [code]: 1 } } });
const idsOf = (batches: readonly RecordedBatch[]) => batches.map(({ batchId }) => batchId).toSorted();
const times = <Value>(n: number, make: (i: number) => Value): Value[] =>
  Array.from({ length: n }, (_, i) => make(i));

describe('the notable batches of a process', () => {
  it('the slowest batches stay, whatever came after them, until an hour is over', () => {
    const notable = new NotableBatches();
    for (const n of times(100, (i) => i)) notable.add('a', batch(`slow-${n}`, 1_000 + n), 0);
    for (const n of times(10_000, (i) => i)) notable.add('a', batch(`quick-${n}`, n % 7), 1_000);
    const expected = times(slowest, (i) => `slow-${99 - i}`).toSorted();
    expect(idsOf(notable.list(HOUR_MS / 2))).toEqual(expected);
    expect(notable.list(HOUR_MS)).toEqual([]);
    notable.add('a', batch('next', 1), HOUR_MS);
    expect(idsOf(notable.list(HOUR_MS))).toEqual(['next']);
  });

  it('the latest batches with each code stay, also if they were quick, and codes are bounded', () => {
    const notable = new NotableBatches();
    for (const n of times(2 * slowest, (i) => i)) notable.add('a', batch(`slow-${n}`, 1_000), 0);
    for (const n of times(2 * codes * 3, (i) => i))
      notable.add('a', batch(`coded-${n}`, 1, rejecting(`code-${Math.floor(n / 3)}`)), 0);
    notable.add('a', batch('failed', 1, { errorCode: 'conflict' }), 0);
    const coded = notable.list(0).filter(({ batchId }) => !batchId.startsWith('slow'));
    const last = 2 * codes * 3 - 1;
    expect(coded.map(({ errorCode }) => errorCode)).toContain('conflict');
    expect(coded.length).toBe((codes - 1) * ofCode + 1);
    const ids = idsOf(coded);
    expect(ids).toEqual(expect.arrayContaining([`coded-${last}`, `coded-${last - 1}`]));
    expect(ids).not.toContain(`coded-${last - 2}`);
    expect(ids).not.toContain('coded-0');
  });

  it('a batch has its phases and its commonest codes', () => {
    const notable = new NotableBatches();
    const rejected = Object.fromEntries(times(9, (n) => [`code-${n}`, n + 1]));
    const outcomes = { applied: 0, replayed: 0, rejected };
    notable.add('batch_deposit', batch('a', 1.234567, { outcomes }), 0);
    expect(notable.list(0)).toMatchObject([
      {
        ...{ batchId: 'a', operation: 'batch_deposit', durationMs: 1.235, phases: phaseMs },
        rejected: { 'code-8': 9, 'code-7': 8, 'code-6': 7, 'code-5': 6, 'code-4': 5 },
      },
    ]);
    notable.reset();
    expect(notable.list(0)).toEqual([]);
  });
});

describe('the notable batches of several processes', () => {
  const recorded = (batchId: string, durationMs: number, at: number): RecordedBatch => ({
    ...{ batchId, operation: 'a', at: new Date(at).toISOString(), durationMs, items: 1 },
    ...{ phases: phaseMs, errorCode: null, rejected: {} },
  });

  it('of all batches the slowest are chosen, and the newest stand first', () => {
    const all = times(3, (process) => times(slowest, (n) => recorded(`${process}-${n}`, n, n))).flat();
    const chosen = mostNotable(all);
    expect(chosen.length).toBe(slowest);
    expect(Math.min(...chosen.map(({ durationMs }) => durationMs))).toBeGreaterThanOrEqual(slowest - 7);
    expect(chosen.map(({ at }) => at)).toEqual(
      chosen
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    );
  });

  it('a report has as many batches as fit into its bytes', () => {
    const long = 'c'.repeat(64);
    const batches = times(100, (n) => ({ ...recorded(`${n}`, n, n), rejected: { [long]: n } }));
    const reported = reportedBatches(batches);
    const bytes = Buffer.byteLength(JSON.stringify(reported));
    expect(bytes).toBeLessThanOrEqual(reportBytes + 1);
    expect(bytes).toBeGreaterThan(reportBytes / 2);
  });

  it.each([
    ['no list', { a: 1 }],
    ['null', [null]],
    ['a text in place of a batch', ['a']],
    ['a batch without phases', [{ ...recorded('a', 1, 1), phases: undefined }]],
    ['a batch whose id is a number', [{ ...recorded('a', 1, 1), batchId: 1 }]],
    ['counts that are texts', [{ ...recorded('a', 1, 1), rejected: { a: '<b>' } }]],
  ])('a report of another version has no notable batches if it has %s', (_, stored) => {
    expect(readNotable(stored)).toEqual([]);
    expect(readNotable([recorded('a', 1, 1)])).toEqual([recorded('a', 1, 1)]);
  });
});
