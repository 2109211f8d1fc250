import { useEffect, useId, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { Empty } from '../components/Notes.tsx';
import { isDark } from '../theme.ts';
import { HEIGHT, optionsOf } from './options.ts';
import { ChartTable } from './ChartTable.tsx';
import { SERIES } from './colours.ts';
import type { LineChartProps } from './lineChartProps.ts';

/** Lines over time, with a crosshair that all charts share, a legend with the values under it, and a table of the same. */
export function LineChart(props: LineChartProps) {
  const { label, lines, columns, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLUListElement>(null);
  const chart = useRef<UPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const dark = isDark.value;
  const id = useId();
  const [times, ...values] = columns;
  const hasFigures = times.length > 1 && values.some((line) => line.some((value) => value !== null));

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const drawn = new UPlot(
      optionsOf(element, {
        props: () => latest.current,
        onCursor: (index) => {
          showValues(legend.current, latest.current, index);
        },
      }),
      columns as UPlot.AlignedData,
      element,
    );
    chart.current = drawn;
    const resized = new ResizeObserver(([entry]) => {
      if (entry !== undefined) drawn.setSize({ width: entry.contentRect.width, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      drawn.destroy();
      chart.current = null;
    };
    // The lines and their colours are set when a chart is made.
  }, [dark, lines.join('\n'), hasFigures]);

  useEffect(() => {
    chart.current?.setData(columns as UPlot.AlignedData);
    showValues(legend.current, props, chart.current?.cursor.idx ?? null);
  }, [columns]);

  if (!hasFigures) return <Empty>Nothing ran in this time. The first figures come within ten seconds.</Empty>;
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption id={id} class="unseen">
        {label}
      </figcaption>
      <ul class="legend" ref={legend}>
        {lines.map((line, n) => (
          <li>
            <span class="key" style={{ background: `var(${SERIES[n % SERIES.length] ?? ''})` }} />
            {line} <span class="value" />
          </li>
        ))}
      </ul>
      <div ref={place} class="canvas" aria-hidden="true" />
      <ChartTable label={label} lines={lines} columns={columns} format={format} />
    </figure>
  );
}

/** Writes the values under the crosshair, or the newest ones, without drawing the page again. */
function showValues(
  legend: HTMLElement | null,
  { columns, format }: LineChartProps,
  index: number | null,
): void {
  const [times, ...lines] = columns;
  const at = index ?? times.length - 1;
  for (const [n, value] of [...(legend?.querySelectorAll('.value') ?? [])].entries())
    value.textContent = format(lines[n]?.[at]);
}
