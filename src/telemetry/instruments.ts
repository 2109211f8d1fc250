import { listen, type OperationRun, type Stop } from '../diagnostics.ts';
import { DURATION_BOUNDS } from '../monitor/durationBounds.ts';
import { codeOf } from '../monitor/errorCodes.ts';
import { packageVersion } from '../version.ts';
import type { Api } from './api.ts';

const SECONDS = { unit: 's', advice: { explicitBucketBoundaries: DURATION_BOUNDS } };

/** Records the metrics of one Pincex, until the returned function is called. */
export function recordMetrics({ metrics }: Api, instance: string): Stop {
  const meter = metrics.getMeter('pincex', packageVersion());
  const durations = meter.createHistogram('pincex.operation.duration', {
    ...SECONDS,
    description: 'Duration of batches and reads',
  });
  const items = meter.createCounter('pincex.items', { unit: '{item}', description: 'Items of batches' });
  const keys = meter.createCounter('pincex.cache.reads', {
    unit: '{key}',
    description: 'Keys that were looked up in the cache',
  });
  const failures = meter.createCounter('pincex.cache.failures', {
    unit: '{failure}',
    description: 'Reads and writes of the cache that failed',
  });
  const waits = meter.createHistogram('db.client.connection.wait_time', {
    ...SECONDS,
    description: 'Time that calls waited for a connection because all were busy',
  });
  const refusals = meter.createCounter('pincex.pool.refusals', {
    unit: '{call}',
    description: 'Calls that got no connection',
  });
  const countItems = ({ operation, result }: OperationRun): void => {
    if (result === undefined) return;
    for (const outcome of ['applied', 'replayed', 'rejected'] as const) {
      const { [outcome]: count } = result.counts;
      if (count > 0) items.add(count, { 'pincex.operation': operation, 'pincex.outcome': outcome });
    }
  };
  return listen(instance, {
    operation: (run) => {
      durations.record(run.durationMs / 1_000, {
        'pincex.operation': run.operation,
        ...('error' in run && { 'error.type': codeOf(run.error) }),
      });
      countItems(run);
    },
    read: ({ kind, keys: asked, hits }) => {
      keys.add(hits, { 'pincex.cache.kind': kind, 'pincex.cache.result': 'hit' });
      keys.add(asked - hits, { 'pincex.cache.kind': kind, 'pincex.cache.result': 'miss' });
    },
    cacheFailure: () => {
      failures.add(1);
    },
    wait: (durationMs) => {
      waits.record(durationMs / 1_000, { 'db.client.connection.pool.name': 'pincex' });
    },
    poolRefusal: () => {
      refusals.add(1);
    },
  });
}
