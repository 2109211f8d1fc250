interface SparklineProps {
  /** The oldest first; null where there is none. */
  readonly values: readonly (number | null)[];
}

const WIDTH = 100;
const HEIGHT = 28;

/** A line without axes beside a figure, which says the value. */
export function Sparkline({ values }: SparklineProps) {
  const most = Math.max(...values.map((value) => value ?? 0), 0);
  const d = values
    .map((value, n) => {
      if (value === null) return '';
      const x = (n / Math.max(1, values.length - 1)) * WIDTH;
      const y = most === 0 ? HEIGHT - 1 : HEIGHT - 1 - (value / most) * (HEIGHT - 2);
      const isFirst = (values[n - 1] ?? null) === null;
      return `${isFirst ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={d} />
    </svg>
  );
}
