import type {
  OperationMetrics,
  PerformanceMetrics,
  SlidingWindow,
  WindowedMetrics,
} from '../../src/monitor/figures.ts';
import { own } from '../own.ts';

/** The time that figures cover; `start`: all since the processes started. */
export type Span = SlidingWindow | 'start';

/** What the person chose; it stands in the address. */
export interface Filter {
  /** Null: all. */
  readonly operation: string | null;
  readonly span: Span;
  /** The id of the picked process; null: all. */
  readonly process: string | null;
  /** A code whose batches are listed; null: the slowest. */
  readonly code: string | null;
}

export const SPANS: readonly { readonly value: Span; readonly title: string; readonly ms: number }[] = [
  { value: 'minute', title: '1 min', ms: 60_000 },
  { value: 'fiveMinutes', title: '5 min', ms: 300_000 },
  { value: 'hour', title: '1 h', ms: 3_600_000 },
  // The charts have an hour at most.
  { value: 'start', title: 'All', ms: 3_600_000 },
];

const SPAN_NAMES: Readonly<Record<Span, string>> = {
  minute: 'last minute',
  fiveMinutes: 'last five minutes',
  hour: 'last hour',
  start: 'since the start',
};

export function filterOf(query: Readonly<Record<string, string>>): Filter {
  const { operation = null, window, process = null, code = null } = query;
  const span = SPANS.find(({ value }) => value === window)?.value ?? 'fiveMinutes';
  return { operation, span, process, code };
}

export const spanName = (span: Span): string => SPAN_NAMES[span];

export const spanMs = (span: Span): number => SPANS.find(({ value }) => value === span)?.ms ?? 0;

/** The figures of a span. */
export const within = (metrics: WindowedMetrics, span: Span): OperationMetrics =>
  span === 'start' ? metrics : metrics.windows[span];

/** The figures of the chosen operation, of all together if none is chosen; null if the chosen one has not run. */
export function chosen(metrics: PerformanceMetrics, { operation, span }: Filter): OperationMetrics | null {
  const windowed = operation === null ? metrics : own(metrics.byOperation, operation);
  return windowed === undefined ? null : within(windowed, span);
}
