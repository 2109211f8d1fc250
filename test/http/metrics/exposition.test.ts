import { describe, expect, it, onTestFinished } from 'vitest';
import { Diagnostics, EVERY_INSTANCE } from '../../../src/diagnostics.ts';
import { Exposition } from '../../../src/http/metrics/exposition.ts';
import { PerformanceMonitor } from '../../../src/monitor/performanceMonitor.ts';
import { Statistics } from '../../../src/monitor/statistics.ts';

const OPEN_METRICS = 'application/openmetrics-text';
const TRACE = '0af7651916cd43dd8448eb211c80319c';

function exposed(traceIdOf?: () => string | undefined) {
  const monitor = new PerformanceMonitor();
  const statistics = new Statistics({ poolMax: 3 });
  const pool = { max: 3, open: 3, idle: 1, waiting: 4 };
  const pincex = { monitor, statistics, pools: () => ({ primary: pool, replica: { ...pool, waiting: 5 } }) };
  const exposition = new Exposition({ pincex, gate: { load: { running: 6, waiting: 7 } } }, traceIdOf);
  return { monitor, statistics, exposition };
}

const record = (monitor: PerformanceMonitor, durationMs: number): void => {
  monitor.record('settle', { durationMs, items: 1, errorCode: null });
};

/** The lines that begin so. */
const lines = (text: string, begin: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(begin));

describe('exemplars', () => {
  it('an operation in a trace becomes the exemplar of its bucket, in OpenMetrics only', async () => {
    const { monitor, exposition } = exposed(() => TRACE);
    record(monitor, 300);
    const { text } = await exposition.scrape(OPEN_METRICS);
    const bucket = (le: string) => lines(text, `pincex_operation_duration_seconds_bucket{le="${le}"`)[0];
    expect(bucket('0.5')).toMatch(new RegExp(`"settle"} 1 # {trace_id="${TRACE}"} 0.3 \\d+`));
    expect(bucket('1')).toMatch(/"settle"} 1$/);
    expect((await exposition.scrape()).text).not.toContain(TRACE);
  });

  it('an operation outside of every trace has no exemplar, and leaves that of another', async () => {
    let trace: string | undefined;
    const { monitor, exposition } = exposed(() => trace);
    record(monitor, 300);
    expect((await exposition.scrape(OPEN_METRICS)).text).not.toContain('trace_id');
    trace = TRACE;
    record(monitor, 300);
    trace = undefined;
    record(monitor, 400);
    expect((await exposition.scrape(OPEN_METRICS)).text).toContain(`# {trace_id="${TRACE}"} 0.3 `);
  });
});

describe('the exposition', () => {
  it('durations and waits are told in seconds', async () => {
    const { monitor, statistics, exposition } = exposed();
    record(monitor, 250);
    statistics.poolWait(1_500);
    const { text } = await exposition.scrape();
    expect(text).toContain('pincex_operation_duration_seconds_sum{operation="settle"} 0.25\n');
    expect(text).toContain('pincex_operation_duration_seconds_bucket{le="0.25",operation="settle"} 1\n');
    expect(text).toContain('pincex_pool_wait_seconds_total 1.5\n');
  });

  /** Tells every Pincex of a loop and of a report that cannot be read. */
  function tellEveryone(): void {
    const everyone = new Diagnostics(EVERY_INSTANCE);
    everyone.tell('loop', () => ({ shape: 'batch_get_accounts', callSite: null }));
    everyone.tell('unreadableReport', () => ({ error: new Error('of another version') }));
  }

  it('every counter and gauge has the value of its part', async () => {
    const { statistics, exposition } = exposed();
    onTestFinished(statistics.listenTo('this'));
    statistics.poolWait(1);
    statistics.poolRefused();
    statistics.cacheFailure();
    statistics.cacheReads('userOrders', 2, 3);
    statistics.reportFailure();
    tellEveryone();
    const { text } = await exposition.scrape();
    for (const line of [
      'pincex_pool_waits_total 1',
      'pincex_pool_refusals_total 1',
      'pincex_cache_failures_total 1',
      'pincex_cache_reads_total{kind="userOrders",result="hit"} 2',
      'pincex_cache_reads_total{kind="userOrders",result="miss"} 3',
      'pincex_report_failures_total 1',
      'pincex_unreadable_reports_total 1',
      'pincex_n_plus_one_loops_total 1',
      'pincex_pool_connections{server="primary",state="idle"} 1',
      'pincex_pool_connections{server="replica",state="in_use"} 2',
      'pincex_pool_waiting{server="primary"} 4',
      'pincex_pool_waiting{server="replica"} 5',
      'pincex_http_calls{state="running"} 6',
      'pincex_http_calls{state="waiting"} 7',
    ])
      expect(text.split('\n')).toContain(line);
  });

  it('a reset of the monitor begins the histograms anew, like the counters', async () => {
    const { monitor, exposition } = exposed();
    record(monitor, 1);
    monitor.reset();
    expect(lines((await exposition.scrape()).text, 'pincex_operation')).toEqual([]);
    record(monitor, 1);
    const { text } = await exposition.scrape();
    expect(lines(text, 'pincex_operation_items_count')).toEqual([
      'pincex_operation_items_count{operation="settle"} 1',
    ]);
  });

  it('scrapes at the same time, in both formats, all have the same values', async () => {
    const { monitor, exposition } = exposed();
    record(monitor, 1);
    const scraped = await Promise.all(
      ['', OPEN_METRICS, '', OPEN_METRICS].map((accept) => exposition.scrape(accept)),
    );
    for (const { text } of scraped)
      expect(lines(text, 'pincex_operations_total')).toEqual([
        'pincex_operations_total{operation="settle",outcome="succeeded"} 1',
        'pincex_operations_total{operation="settle",outcome="failed"} 0',
      ]);
  });

  it('a closed exposition observes no more operations', async () => {
    const { monitor, exposition } = exposed();
    exposition.close();
    record(monitor, 1);
    expect(lines((await exposition.scrape()).text, 'pincex_operation_items')).toEqual([]);
  });
});
