import type { OperationPoint } from '../../../src/live/frame.ts';
import type { OperationMetrics } from '../../../src/monitor/figures.ts';
import { Sparkline } from '../../charts/Sparkline.tsx';
import { compact, count, counted, duration, percent } from '../../format/numbers.ts';
import { chosen, spanMs, spanName } from '../../live/filter.ts';
import { columnsOf } from '../../live/points.ts';
import { everyMs, points } from '../../live/live.ts';
import { figuresOf } from './figures.ts';
import type { PartProps } from './part.ts';

interface Tile {
  readonly title: string;
  readonly value: (metrics: OperationMetrics) => string;
  readonly about: (metrics: OperationMetrics) => string;
  readonly line: (point: OperationPoint) => number;
  readonly isBad?: (metrics: OperationMetrics) => boolean;
  /** Of the line where nothing ran. */
  readonly atRest: number | null;
}

const TILES: readonly Tile[] = [
  {
    title: 'Operations a second',
    value: ({ operationsPerSecond }) => compact(operationsPerSecond),
    about: ({ operations }) => counted(operations, 'batch or read', 'batches and reads'),
    line: ({ operationsPerSecond }) => operationsPerSecond,
    atRest: 0,
  },
  {
    title: 'Items a second',
    value: ({ itemsPerSecond }) => compact(itemsPerSecond),
    about: ({ items }) => counted(items, 'item'),
    line: ({ itemsPerSecond }) => itemsPerSecond,
    atRest: 0,
  },
  {
    title: 'Latency p50',
    value: ({ p50Ms }) => duration(p50Ms),
    about: ({ averageMs }) => `average ${duration(averageMs)}`,
    line: ({ p50Ms }) => p50Ms,
    atRest: null,
  },
  {
    title: 'Latency p95',
    value: ({ p95Ms }) => duration(p95Ms),
    about: ({ leastMs }) => `fastest ${duration(leastMs)}`,
    line: ({ p95Ms }) => p95Ms,
    atRest: null,
  },
  {
    title: 'Latency p99',
    value: ({ p99Ms }) => duration(p99Ms),
    about: ({ mostMs }) => `slowest ${duration(mostMs)}`,
    line: ({ p99Ms }) => p99Ms,
    atRest: null,
  },
  {
    title: 'Success',
    value: ({ operations, successRate }) => percent(operations === 0 ? null : successRate),
    about: ({ failed }) => (failed === 0 ? 'none failed' : `${count(failed)} failed`),
    isBad: ({ failed }) => failed > 0,
    line: ({ successRate }) => successRate,
    atRest: null,
  },
];

/** The few figures that everybody asks for first. */
export function Tiles({ picture: { metrics }, filter }: PartProps) {
  const figures = chosen(metrics, filter);
  const span = { spanMs: spanMs(filter.span), gapMs: 2.5 * everyMs.value };
  return (
    <section aria-label={`Figures of the ${spanName(filter.span)}`}>
      <ul class="tiles">
        {TILES.map(({ title, value, about, isBad, line, atRest }) => {
          const [, values = []] = columnsOf(
            points.value,
            [(point) => lineOf(figuresOf(point, filter), line, atRest)],
            span,
          );
          return (
            <li class="panel tile" key={title}>
              <h2>{title}</h2>
              <p class="figure">{figures === null ? '–' : value(figures)}</p>
              <p class={figures !== null && isBad?.(figures) === true ? 'hint is-bad' : 'hint'}>
                {figures === null ? 'has not run' : about(figures)}
              </p>
              <Sparkline values={values} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const lineOf = (
  figures: OperationPoint | null,
  line: (point: OperationPoint) => number,
  atRest: number | null,
): number | null => (figures === null ? atRest : line(figures));
