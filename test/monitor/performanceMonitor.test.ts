import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PerformanceMonitor, PincexError } from '../../src/index.ts';
import { codeOf } from '../../src/monitor/errorCodes.ts';
import { limits } from '../../src/limits.ts';
import { Tally, type EndedOperation, type StoredTally } from '../../src/monitor/tally.ts';
import { fresh, newUser, useBooks } from '../support/books.ts';
import { holdClock, type HeldClock } from '../support/clock.ts';

const books = useBooks();

const ended = (operation: Partial<EndedOperation> = {}): EndedOperation => ({
  durationMs: 1,
  items: 1,
  errorCode: null,
  ...operation,
});

/** Runs an operation that takes so long by the stopped clock. */
function take(clock: HeldClock, monitor: PerformanceMonitor, name: string, ms: number, items = 1): void {
  const operation = monitor.startOperation(name, items);
  clock.pass(ms);
  monitor.endOperation(operation);
}

describe('the performance monitor', () => {
  it('a monitor without operations has a success rate of 1 and no durations', () => {
    const metrics = new PerformanceMonitor().getMetrics();
    expect(metrics).toMatchObject({ operations: 0, successRate: 1, p99Ms: null, byOperation: {} });
    expect(new PerformanceMonitor().getOperationSuccessRate('none')).toBe(1);
  });

  it('an operation is counted by its name, with its duration, its items and its error', () => {
    const clock = holdClock();
    const monitor = new PerformanceMonitor();
    take(clock, monitor, 'batch_get_accounts', 20, 100);
    const failing = monitor.startOperation('batch_get_accounts', 50);
    clock.pass(40);
    monitor.endOperation(failing, {
      success: false,
      itemsProcessed: 10,
      error: new PincexError('pool_exhausted', 'x'),
    });
    take(clock, monitor, 'other_batch', 60, 1);
    const { byOperation, ...all } = monitor.getMetrics();
    expect(byOperation['batch_get_accounts']).toMatchObject({
      operations: 2,
      succeeded: 1,
      failed: 1,
      successRate: 0.5,
      averageMs: 30,
      leastMs: 20,
      mostMs: 40,
      items: 110,
      batchSize: { average: 55, least: 10, most: 100 },
      errors: [{ code: 'pool_exhausted', count: 1, rate: 0.5 }],
    });
    expect(all).toMatchObject({ operations: 3, failed: 1, items: 111, mostMs: 60 });
    expect(monitor.getSuccessRate()).toBeCloseTo(2 / 3);
    expect(monitor.getOperationSuccessRate('batch_get_accounts')).toBe(0.5);
  });

  it('measure returns the result of the work, and rethrows its error', async () => {
    const monitor = new PerformanceMonitor();
    expect(await monitor.measure('work', 2, () => Promise.resolve('done'))).toBe('done');
    const failing = monitor.measure('work', 2, () => Promise.reject(new RangeError('broken')));
    await expect(failing).rejects.toThrow(RangeError);
    expect(monitor.getMetrics().byOperation['work']).toMatchObject({
      operations: 2,
      failed: 1,
      errors: [{ code: 'RangeError', count: 1, rate: 0.5 }],
    });
  });

  it('an observer that throws changes no result of measured work, and is not told again', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => {
      warnings.mockRestore();
    });
    const monitor = new PerformanceMonitor();
    const recorded = vi.fn(() => {
      throw new Error('a bug of the observer');
    });
    monitor.observe({ recorded, reset: () => undefined });
    for (const result of ['first', 'second'])
      expect(await monitor.measure('work', 1, () => Promise.resolve(result))).toBe(result);
    expect(recorded).toHaveBeenCalledOnce();
    expect(warnings).toHaveBeenCalledOnce();
    expect(monitor.getMetrics()).toMatchObject({ operations: 2, failed: 0 });
  });

  it('a window forgets operations that are older, and the figures since the start do not', () => {
    const clock = holdClock();
    const monitor = new PerformanceMonitor();
    const counts = () => {
      const { operations, windows } = monitor.getMetrics();
      const { minute, fiveMinutes, hour } = windows;
      return [minute.operations, fiveMinutes.operations, hour.operations, operations];
    };
    take(clock, monitor, 'work', 1);
    expect(counts()).toEqual([1, 1, 1, 1]);
    clock.pass(61_000);
    expect(counts()).toEqual([0, 1, 1, 1]);
    take(clock, monitor, 'work', 1);
    clock.pass(301_000);
    expect(counts()).toEqual([0, 0, 2, 2]);
    clock.pass(3_601_000);
    expect(counts()).toEqual([0, 0, 0, 2]);
    monitor.reset();
    expect(counts()).toEqual([0, 0, 0, 0]);
  });

  it('throughput is that of the window: operations and items a second', () => {
    const clock = holdClock();
    const monitor = new PerformanceMonitor();
    for (let second = 0; second < 600; second++) take(clock, monitor, 'work', 1_000, 5);
    const { minute, fiveMinutes } = monitor.getMetrics().windows;
    for (const { operationsPerSecond, itemsPerSecond } of [minute, fiveMinutes, monitor.getMetrics()]) {
      expect(operationsPerSecond).toBeCloseTo(1, 1);
      expect(itemsPerSecond).toBeCloseTo(5, 0);
    }
  });

  it('names and codes beyond the bound count as other, so that memory stays bounded', () => {
    const monitor = new PerformanceMonitor();
    for (let name = 0; name < 10_000; name++) monitor.endOperation(monitor.startOperation(`name ${name}`));
    for (let code = 0; code < 1_000; code++) monitor.record('coded', ended({ errorCode: `code ${code}` }));
    const { byOperation, operations } = monitor.getMetrics();
    expect(operations).toBe(11_000);
    expect(Object.keys(byOperation)).toHaveLength(limits.monitor.names + 1);
    expect(byOperation['other']!.operations).toBe(11_000 - limits.monitor.names);
    expect(byOperation['other']!.errors).toHaveLength(limits.monitor.codes + 1);
    expect(byOperation['other']!.errors[0]).toMatchObject({ code: 'other', count: 950 });
  });

  it('the summary is a table with a line for each operation and one for all', () => {
    const clock = holdClock();
    const monitor = new PerformanceMonitor();
    take(clock, monitor, 'rare', 1);
    for (let n = 0; n < 3; n++) take(clock, monitor, 'frequent', 5, 10);
    const lines = monitor.summary().split('\n');
    expect(lines.map((line) => line.split(/\s+/)[0])).toEqual(['operation', 'frequent', 'rare', 'all']);
    expect(lines[1]).toMatch(/^frequent +3 +100\.0% +5/);
  });

  it.each([
    [
      'a name that is empty',
      () => new PerformanceMonitor().startOperation(''),
      /^name must be a text of 1 to 128/,
    ],
    ['a name with NUL', () => new PerformanceMonitor().startOperation('a\0'), /without control characters/],
    [
      'half a surrogate pair',
      () => new PerformanceMonitor().startOperation('\ud800'),
      /^name must be a text/,
    ],
    [
      'a negative number of items',
      () => new PerformanceMonitor().startOperation('work', -1),
      /^items must be a whole number of 0 or more: got -1/,
    ],
    [
      'the end of an operation of another monitor',
      () => {
        new PerformanceMonitor().endOperation(new PerformanceMonitor().startOperation('work'));
      },
      /^endOperation takes an operation that startOperation of this monitor returned/,
    ],
    [
      'the second end of an operation',
      () => {
        const monitor = new PerformanceMonitor();
        const operation = monitor.startOperation('work');
        monitor.endOperation(operation);
        monitor.endOperation(operation);
      },
      /has not ended/,
    ],
  ])('%s is refused', (_, call, message) => {
    expect(call).toThrow(message);
  });

  it.each([
    [new PincexError('conflict', 'x'), 'conflict'],
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [Object.assign(new Error('x'), { code: 'a label "with" quotes\n' }), 'Error'],
    [new TypeError('x'), 'TypeError'],
    ['text', 'unknown'],
    [undefined, 'unknown'],
  ])('the error %j is counted as %s', (error, code) => {
    expect(codeOf(error)).toBe(code);
  });
});

describe('the durations of a tally', () => {
  const durations = fc.array(fc.integer({ min: 1, max: 3_600_000 }), { minLength: 1, maxLength: 500 });
  const tallyOf = (list: readonly number[]): Tally => {
    const tally = new Tally();
    for (const durationMs of list) tally.add(ended({ durationMs }));
    return tally;
  };
  /** The smallest duration that this percentage does not exceed. */
  const exact = (list: readonly number[], percentage: number): number =>
    list.toSorted((a, b) => a - b)[Math.max(0, Math.ceil((list.length * percentage) / 100) - 1)]!;

  it('a percentile is at most 1% above the exact one, and never below it', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(50, 95, 99, 100), (list, percentage) => {
        const ratio = tallyOf(list).percentileMs(percentage) / exact(list, percentage);
        expect(ratio).toBeGreaterThanOrEqual(1);
        expect(ratio).toBeLessThanOrEqual(1.01);
      }),
    );
  });

  it('merged tallies, also stored ones, are the tally of all their operations', () => {
    fc.assert(
      fc.property(durations, durations, (one, other) => {
        const merged = Tally.from(JSON.parse(JSON.stringify(tallyOf(one).stored())) as StoredTally);
        merged.merge(tallyOf(other));
        const all = new Tally(true);
        all.merge(tallyOf([...one, ...other]));
        const figures = (tally: Tally) => {
          const counts = { ...tally.stored(), durations: null };
          return { counts, percentiles: [50, 95, 99, 100].map((at) => tally.percentileMs(at)) };
        };
        expect(figures(merged)).toEqual(figures(all));
      }),
    );
  });
});

describe('the monitor of a Pincex', () => {
  it('batches and reads are measured by the name of their method, and a rejected item is no failed operation', async () => {
    const { pincex } = books;
    pincex.monitor.reset();
    const userId = await newUser(pincex, { USD: '10' });
    const lock = (amount: string) => ({
      id: fresh('lock'),
      userId,
      currency: 'USD',
      amount,
      orderId: fresh('order'),
    });
    const first = lock('1');
    await pincex.bookkeeper.batchLockFunds([first, lock('100')]);
    await pincex.bookkeeper.lockFunds(first);
    await pincex.bookkeeper.batchGetAccounts([userId, 'nobody'], ['USD']);
    await pincex.trading.batchGetOrderBooks(['BTC/USD']);
    await pincex.execute([
      { command: 'deposit', id: fresh('deposit'), userId, currency: 'USD', amount: '1' },
    ]);
    await pincex.streamAccounts()[Symbol.asyncIterator]().next();
    const { byOperation, failed } = pincex.monitor.getMetrics();
    expect(failed).toBe(0);
    expect(byOperation).toMatchObject({
      batch_lock_funds: {
        operations: 2,
        items: 3,
        applied: 1,
        replayed: 1,
        rejected: { total: 1, byCode: { insufficient_funds: 1 } },
        successRate: 1,
      },
      batch_get_accounts: { operations: 1, items: 2 },
      batch_get_order_books: { operations: 1, items: 1 },
      execute: { operations: 1, applied: 1 },
      stream_accounts: { operations: 1 },
    });
  });

  it('a batch that fails is a failed operation under the code of its error', async () => {
    const { pincex } = books;
    pincex.monitor.reset();
    const batch = pincex.transaction(async (tx) => {
      await tx.bookkeeper.batchLockFunds([
        { id: fresh('a'), userId: 'u', currency: 'USD', amount: '1', orderId: 'o' },
      ]);
      throw new RangeError('of the caller');
    });
    await expect(batch).rejects.toThrow('of the caller');
    expect(pincex.monitor.getMetrics().byOperation['batch_lock_funds']).toMatchObject({
      operations: 1,
      failed: 0,
    });
  });

  it('a batch is applied although the monitor that measures it throws', async () => {
    const { pincex } = books;
    const userId = await newUser(pincex, { USD: '10' });
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const record = vi.spyOn(pincex.monitor, 'record').mockImplementation(() => {
      throw new Error('a bug of the monitor');
    });
    onTestFinished(() => {
      warnings.mockRestore();
      record.mockRestore();
    });
    const locked = await pincex.bookkeeper.lockFunds({
      id: fresh('lock'),
      userId,
      currency: 'USD',
      amount: '1',
      orderId: fresh('order'),
    });
    expect(locked.status).toBe('applied');
    expect(record).toHaveBeenCalledOnce();
  });
});
