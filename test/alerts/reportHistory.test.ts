import { describe, expect, it } from 'vitest';
import { ReportHistory } from '../../src/alerts/reportHistory.ts';
import type { LiveProcess } from '../../src/monitor/processes.ts';
import { Statistics } from '../../src/monitor/statistics.ts';

const START = Date.parse('2030-01-01T00:00:00Z');

/** A process whose reports the test makes; the numbers are those that it counted since the last one. */
function reporting() {
  const statistics = new Statistics({ poolMax: 10, poolInUse: () => 4 });
  const history = new ReportHistory();
  let passedMs = 0;
  const observe = () => {
    const report = { ...statistics.snapshot(), host: 'host', pid: 42, operations: {} };
    const seenAt = new Date(START + passedMs);
    const times = { startedAt: new Date(START), seenAt, ageMs: 0, deadlocksAtStart: 0 };
    const process: LiveProcess = { id: statistics.id, ...times, isLive: true, report };
    return history.observe(process);
  };
  return {
    observe,
    after: (ms: number, { waits = 0, hits = 0, misses = 0 } = {}) => {
      passedMs += ms;
      for (let n = 0; n < waits; n++) statistics.poolWait(1);
      statistics.cacheReads('orders', hits, 0);
      statistics.cacheReads('accounts', 0, misses);
      return observe();
    },
  };
}

describe('the reports of a process', () => {
  it('a process is named after its host and its id, and has the pool of its last report', () => {
    const { observe } = reporting();
    expect(observe()).toEqual({
      name: 'host:42',
      pool: { inUse: 4, max: 10 },
      poolWaits: null,
      cache: null,
    });
  });

  it('waits are counted a minute, between the last two reports, however often these are seen', () => {
    const { after, observe } = reporting();
    after(0, { waits: 100 });
    expect(after(10_000, { waits: 2 }).poolWaits).toBe(12);
    expect(observe().poolWaits).toBe(12);
    expect(after(20_000, { waits: 2 }).poolWaits).toBe(6);
  });

  it('the reads of five minutes are compared with those of the hour before, and older ones do not count', () => {
    const { after } = reporting();
    after(0, { hits: 1_000 });
    after(300_000, { hits: 100 });
    after(3_000_000, { hits: 10, misses: 1 });
    after(300_000, { hits: 5 });
    expect(after(299_999, { hits: 3, misses: 4 }).cache).toEqual({
      recent: { hits: 8, misses: 4 },
      past: { hits: 110, misses: 1 },
    });
    expect(after(2, { misses: 7 }).cache).toEqual({
      recent: { hits: 3, misses: 11 },
      past: { hits: 15, misses: 1 },
    });
  });

  it('the cache has no past until a report is five minutes old', () => {
    const { after } = reporting();
    after(0, { hits: 1_000 });
    expect(after(299_999, { hits: 1_000 }).cache).toBeNull();
    expect(after(1, { hits: 1 }).cache).toEqual({
      recent: { hits: 1_001, misses: 0 },
      past: { hits: 0, misses: 0 },
    });
  });
});
