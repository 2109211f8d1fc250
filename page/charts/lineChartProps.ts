import type { Columns } from '../live/points.ts';

export interface LineChartProps {
  /** Says what is drawn, with its unit. */
  readonly label: string;
  readonly lines: readonly string[];
  readonly columns: Columns;
  /** Times without figures, in seconds. */
  readonly gaps: readonly (readonly [number, number])[];
  readonly format: (value: number | null | undefined) => string;
}
