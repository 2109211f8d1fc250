import { metricsOf, type OperationMetrics } from './metrics.ts';
import type { SlidingWindow } from './slidingTally.ts';
import { sumOf, type Tallies, type Windows } from './tallies.ts';

/** Figures since the start, and over the last minute, five minutes and hour. */
export interface WindowedMetrics extends OperationMetrics {
  readonly windows: Readonly<Record<SlidingWindow, OperationMetrics>>;
}

/** All operations together, and each by its name. */
export interface PerformanceMetrics extends WindowedMetrics {
  readonly byOperation: Readonly<Record<string, WindowedMetrics>>;
}

/** Figures of tallies, of one process or of several. */
export function performanceMetrics(tallies: Tallies): PerformanceMetrics {
  const byOperation = Object.fromEntries([...tallies].map(([name, windows]) => [name, windowed(windows)]));
  return { ...windowed(sumOf([...tallies.values()])), byOperation };
}

const windowed = ({ start, minute, fiveMinutes, hour }: Windows): WindowedMetrics => ({
  ...metricsOf(start),
  windows: { minute: metricsOf(minute), fiveMinutes: metricsOf(fiveMinutes), hour: metricsOf(hour) },
});
