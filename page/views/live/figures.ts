import type { LivePoint, OperationPoint } from '../../../src/live/frame.ts';
import type { PerformanceMetrics } from '../../../src/monitor/figures.ts';
import { within, type Filter, type Span } from '../../live/filter.ts';
import { own } from '../../own.ts';

/** The figures of the chosen operation at one moment; null if it did not run in the minute before. */
export const figuresOf = ({ all, operations }: LivePoint, { operation }: Filter): OperationPoint | null =>
  operation === null ? all : (own(operations, operation) ?? null);

const BUSIEST = 6;

/** The operations with the most items in the span, by name: their lines keep their colours as long as they stay the busiest. */
export function busiest({ byOperation }: PerformanceMetrics, span: Span): string[] {
  return Object.entries(byOperation)
    .map(([name, windowed]) => ({ name, ...within(windowed, span) }))
    .filter(({ operations }) => operations > 0)
    .sort((one, other) => other.items - one.items)
    .slice(0, BUSIEST)
    .map(({ name }) => name)
    .sort();
}
