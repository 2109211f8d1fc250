import { Histogram, Registry } from 'prom-client';
import { DURATION_BOUNDS } from '../../monitor/durationBounds.ts';
import type { PerformanceMonitor } from '../../monitor/performanceMonitor.ts';
import { registryOf } from './registry.ts';

/** Items, up to the largest batch. */
const ITEMS = [1, 10, 100, 1_000, 10_000];

/** Histograms of the operations that the monitor records from now on. */
export class OperationHistograms {
  readonly #durations: Histogram<'operation' | 'trace_id'>;
  readonly #items: Histogram<'operation'>;
  /** Ends the observation of the monitor. */
  readonly stop: () => void;

  /** @param traceIdOf id of the trace that an operation belongs to, which becomes its exemplar */
  constructor(monitor: Pick<PerformanceMonitor, 'observe'>, traceIdOf: () => string | undefined) {
    this.#durations = new Histogram({
      name: 'pincex_operation_duration_seconds',
      help: 'Duration of batches and reads',
      labelNames: ['operation'],
      buckets: DURATION_BOUNDS,
      enableExemplars: true,
      registers: [registryOf(Registry.OPENMETRICS_CONTENT_TYPE)],
    });
    this.#items = new Histogram({
      name: 'pincex_operation_items',
      help: 'Items or keys of batches and reads',
      labelNames: ['operation'],
      buckets: ITEMS,
      registers: [],
    });
    this.stop = monitor.observe({
      recorded: (name, { durationMs, items }) => {
        const labels = { operation: name.toWellFormed() };
        const traceId = traceIdOf();
        this.#durations.observe({
          labels,
          value: durationMs / 1_000,
          ...(traceId !== undefined && { exemplarLabels: { trace_id: traceId } }),
        });
        this.#items.observe(labels, items);
      },
      reset: () => {
        this.#durations.reset();
        this.#items.reset();
      },
    });
  }

  /** Exemplars are shown in OpenMetrics only. */
  registerIn(registry: Registry): void {
    registry.registerMetric(this.#durations);
    registry.registerMetric(this.#items);
  }
}
