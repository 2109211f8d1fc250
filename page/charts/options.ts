import UPlot from 'uplot';
import { colourOf, SERIES } from './colours.ts';
import type { LineChartProps } from './lineChartProps.ts';

export const HEIGHT = 168;

interface Parts {
  /** The properties of the last drawing. */
  readonly props: () => LineChartProps;
  readonly onCursor: (index: number | null) => void;
}

/** How a chart is drawn: thin lines, few marks, no frame. */
export function optionsOf(element: HTMLElement, { props, onCursor }: Parts): UPlot.Options {
  const [line, muted, surface] = ['--line', '--muted', '--surface'].map(colourOf) as [string, string, string];
  const { fontFamily } = getComputedStyle(element);
  const axis = {
    stroke: muted,
    font: `11px ${fontFamily}`,
    ticks: { show: false },
    border: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 20, 0, 0],
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { sync: { key: 'live' }, y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: true }, y: { range: (_chart, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, space: 72, size: 24, values: TIMES },
      {
        ...axis,
        grid: { stroke: line, width: 1 },
        size: 52,
        gap: 6,
        space: 36,
        values: (_chart, splits) => splits.map((value) => props().format(value)),
      },
    ],
    series: [{}, ...props().lines.map((_, n) => lineOf(n, surface))],
    hooks: {
      drawClear: [
        (chart) => {
          hatchGaps(chart, props().gaps, line);
        },
      ],
      setCursor: [
        ({ cursor }) => {
          onCursor(cursor.idx ?? null);
        },
      ],
    },
  };
}

function lineOf(n: number, surface: string): UPlot.Series {
  const stroke = colourOf(SERIES[n % SERIES.length] ?? SERIES[0]);
  return { stroke, width: 1.75, points: { show: false, fill: surface }, spanGaps: false };
}

/** Hours and minutes, with seconds where the marks are closer. */
const TIMES: UPlot.Axis.Values = (_chart, splits, _axis, _space, step) =>
  splits.map((seconds) => new Date(seconds * 1_000).toISOString().slice(11, step < 60 ? 19 : 16));

/** Marks the times without figures, so that nobody takes them for times of rest. */
function hatchGaps(chart: UPlot, gaps: readonly (readonly [number, number])[], colour: string): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  for (const [from, to] of gaps) {
    const left = Math.max(bbox.left, chart.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos(to, 'x', true));
    if (right > left) ctx.rect(left, bbox.top, right - left, bbox.height);
  }
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  const step = 8 * devicePixelRatio;
  for (let x = bbox.left - bbox.height; x < bbox.left + bbox.width; x += step) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}
