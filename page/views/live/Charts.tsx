import type { LivePoint, OperationPoint } from '../../../src/live/frame.ts';
import { LineChart } from '../../charts/LineChart.tsx';
import { Panel } from '../../components/Panel.tsx';
import { compact, duration } from '../../format/numbers.ts';
import { operationTitle } from '../../format/text.ts';
import { spanMs } from '../../live/filter.ts';
import { everyMs, points } from '../../live/live.ts';
import { columnsOf, gapsOf } from '../../live/points.ts';
import { own } from '../../own.ts';
import { busiest, figuresOf } from './figures.ts';
import type { PartProps } from './part.ts';

interface Line {
  readonly title: string;
  readonly value: (point: LivePoint) => number | null;
}

const PERCENTILES: readonly { readonly title: string; readonly of: (figures: OperationPoint) => number }[] = [
  { title: 'p50', of: ({ p50Ms }) => p50Ms },
  { title: 'p95', of: ({ p95Ms }) => p95Ms },
  { title: 'p99', of: ({ p99Ms }) => p99Ms },
];

/** Throughput, latency and batch sizes over time: of the chosen operation, or of the busiest ones beside each other. */
export function Charts({ picture: { metrics }, filter }: PartProps) {
  const names = filter.operation === null ? busiest(metrics, filter.span) : [filter.operation];
  const ofEach = (value: (figures: OperationPoint | undefined) => number | null): Line[] =>
    names.map((name) => ({
      title: operationTitle(name),
      value: ({ operations }) => value(own(operations, name)),
    }));
  const percentiles = PERCENTILES.map(({ title, of }) => ({
    title,
    value: (point: LivePoint) => {
      const figures = figuresOf(point, filter);
      return figures === null ? null : of(figures);
    },
  }));
  const [ofLatency, ofLines] =
    filter.operation === null
      ? ['all operations', 'busiest operations']
      : [operationTitle(filter.operation), operationTitle(filter.operation)];
  return (
    <div class="columns thirds">
      <Panel title="Items a second" note={ofLines}>
        <Lines
          label="Items a second"
          lines={ofEach((figures) => figures?.itemsPerSecond ?? 0)}
          format={compact}
          span={spanMs(filter.span)}
        />
      </Panel>
      <Panel title="Latency" note={ofLatency}>
        <Lines label="Latency" lines={percentiles} format={duration} span={spanMs(filter.span)} />
      </Panel>
      <Panel title="Batch size" note={`items of an operation · ${ofLines}`}>
        <Lines
          label="Items of an operation, on average"
          lines={ofEach((figures) => figures?.averageItems ?? null)}
          format={compact}
          span={spanMs(filter.span)}
        />
      </Panel>
    </div>
  );
}

interface LinesProps {
  readonly label: string;
  readonly lines: readonly Line[];
  readonly format: (value: number | null | undefined) => string;
  readonly span: number;
}

function Lines({ label, lines, format, span }: LinesProps) {
  const gapMs = 2.5 * everyMs.value;
  const all = points.value;
  const columns = columnsOf(
    all,
    lines.map(({ value }) => value),
    { spanMs: span, gapMs },
  );
  return (
    <LineChart
      label={label}
      lines={lines.map(({ title }) => title)}
      columns={columns}
      gaps={gapsOf(all, gapMs)}
      format={format}
    />
  );
}
