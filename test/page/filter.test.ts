import { describe, expect, it } from 'vitest';
import { chosen, filterOf, within } from '../../page/live/filter.ts';
import { PerformanceMonitor } from '../../src/index.ts';

describe('the filter of the live view', () => {
  it('it is read from the address, and an unknown time is five minutes', () => {
    expect(filterOf({})).toEqual({ operation: null, span: 'fiveMinutes', process: null, code: null });
    expect(filterOf({ operation: 'x', window: 'hour', process: 'p', code: 'c' })).toEqual({
      operation: 'x',
      span: 'hour',
      process: 'p',
      code: 'c',
    });
    expect(filterOf({ window: 'century' }).span).toBe('fiveMinutes');
  });

  it('it picks the figures of the operation and the time', () => {
    const monitor = new PerformanceMonitor();
    monitor.endOperation(monitor.startOperation('import', 3), { success: true, itemsProcessed: 3 });
    const metrics = monitor.getMetrics();
    const filter = filterOf({ operation: 'import', window: 'start' });
    expect(chosen(metrics, filter)?.items).toBe(3);
    expect(chosen(metrics, { ...filter, operation: 'other' })).toBeNull();
    expect(within(metrics, 'hour').items).toBe(3);
    // A name that every object has.
    expect(chosen(metrics, { ...filter, operation: 'constructor' })).toBeNull();
  });
});
