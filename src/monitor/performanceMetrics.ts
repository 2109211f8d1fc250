import type { PerformanceMetrics, WindowedMetrics } from './figures.ts';
import { metricsOf } from './metrics.ts';
import { sumOf, type Tallies, type Windows } from './tallies.ts';

/** Figures of tallies, of one process or of several. */
export function performanceMetrics(tallies: Tallies): PerformanceMetrics {
  const byOperation = Object.fromEntries([...tallies].map(([name, windows]) => [name, windowed(windows)]));
  return { ...windowed(sumOf([...tallies.values()])), byOperation };
}

const windowed = ({ start, minute, fiveMinutes, hour }: Windows): WindowedMetrics => ({
  ...metricsOf(start),
  windows: { minute: metricsOf(minute), fiveMinutes: metricsOf(fiveMinutes), hour: metricsOf(hour) },
});
