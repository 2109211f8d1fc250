import type { LivePoint, OperationPoint } from '../../src/live/frame.ts';

/** A point of the charts. */
export interface ChartPoint {
  readonly point: LivePoint;
  /** Whether the service remembers it: one every ten seconds. The others make the last minutes finer. */
  readonly isKept: boolean;
}

const HOUR = 3_600_000;
const FINE = 300_000;

/** Adds the points that the service remembers to those of before: a service that was restarted has forgotten some. */
export function withHistory(points: readonly ChartPoint[], history: readonly LivePoint[]): ChartPoint[] {
  const byTime = new Map(points.map((one) => [one.point.at, one]));
  for (const point of history) byTime.set(point.at, { point, isKept: true });
  return withoutOld([...byTime.values()].sort((one, other) => timeOf(one) - timeOf(other)));
}

/** Adds the newest point. A service whose clock went back begins anew. */
export function withPoint(points: readonly ChartPoint[], next: ChartPoint): ChartPoint[] {
  const before = points.filter((one) => timeOf(one) < timeOf(next));
  return withoutOld([...before, next]);
}

function withoutOld(points: ChartPoint[]): ChartPoint[] {
  const newest = points.at(-1);
  if (newest === undefined) return points;
  const age = (one: ChartPoint): number => timeOf(newest) - timeOf(one);
  return points.filter((one) => one === newest || age(one) <= (one.isKept ? HOUR : FINE));
}

/** Columns as the charts take them: seconds, then the values of each line; null where there are none. */
export type Columns = readonly [times: number[], ...lines: (number | null)[][]];

/** A value of one operation at one moment; of all together if no operation is chosen. */
export type Figure = (figures: OperationPoint | null) => number | null;

/**
 * The columns of the last `spanMs`. Where points are missing, for longer than `gapMs`, a row without values breaks the lines.
 */
export function columnsOf(
  points: readonly ChartPoint[],
  lines: readonly ((point: LivePoint) => number | null)[],
  { spanMs, gapMs }: { readonly spanMs: number; readonly gapMs: number },
): Columns {
  const newest = points.at(-1);
  const times: number[] = [];
  const values: (number | null)[][] = lines.map(() => []);
  const add = (time: number, valueOf: (line: (point: LivePoint) => number | null) => number | null) => {
    times.push(time / 1_000);
    for (const [n, line] of lines.entries()) values[n]?.push(valueOf(line));
  };
  let last: number | null = null;
  for (const one of points) {
    const time = timeOf(one);
    if (newest !== undefined && timeOf(newest) - time > spanMs) continue;
    if (last !== null && time - last > gapMs) add(last + 1, () => null);
    add(time, (line) => line(one.point));
    last = time;
  }
  return [times, ...values];
}

/** From and to of each time without points, in seconds. */
export function gapsOf(points: readonly ChartPoint[], gapMs: number): (readonly [number, number])[] {
  return points.flatMap((one, n) => {
    const before = points[n - 1];
    if (before === undefined || timeOf(one) - timeOf(before) <= gapMs) return [];
    return [[timeOf(before) / 1_000, timeOf(one) / 1_000] as const];
  });
}

const timeOf = ({ point }: ChartPoint): number => Date.parse(point.at);
