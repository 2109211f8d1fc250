import { useState } from 'preact/hooks';
import { Amount } from '../components/Amount.tsx';
import { outlineOf, type Depth, type DepthLevel } from './depth.ts';

const WIDTH = 1_000;
const HEIGHT = 280;

interface DepthChartProps {
  readonly depth: Depth;
  readonly base: string;
  readonly quote: string;
}

/** How much is wanted and offered up to each price. The table beside it has the same for those who do not see it. */
export function DepthChart({ depth: { bids, asks }, base, quote }: DepthChartProps) {
  const [at, setAt] = useState<number | null>(null);
  const level = at === null ? null : nearest([...bids, ...asks], at);
  const [bid, ask] = [bids[0], asks[0]];
  return (
    <div class="depth">
      <p class="depth-at" aria-hidden="true">
        {level !== null && (
          <>
            up to <Amount value={level.price} currency={quote} />:{' '}
            <Amount value={level.total} currency={base} />
          </>
        )}
      </p>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label="Depth of the order book; the table of levels has its figures"
        onPointerMove={({ currentTarget, clientX }) => {
          const { left, width } = currentTarget.getBoundingClientRect();
          setAt((clientX - left) / width);
        }}
        onPointerLeave={() => {
          setAt(null);
        }}
      >
        <path class="bids" d={outlineOf(bids, WIDTH, HEIGHT)} />
        <path class="asks" d={outlineOf(asks, WIDTH, HEIGHT)} />
        {level !== null && <path class="crosshair" d={`M${(level.x * WIDTH).toFixed(1)} 0V${HEIGHT}`} />}
      </svg>
      <div class="depth-prices">
        {bid !== undefined && (
          <span class="before" style={{ left: `${bid.x * 100}%` }}>
            <Amount value={bid.price} />
          </span>
        )}
        {ask !== undefined && (
          <span style={{ left: `${ask.x * 100}%` }}>
            <Amount value={ask.price} />
          </span>
        )}
      </div>
    </div>
  );
}

function nearest(levels: readonly DepthLevel[], x: number): DepthLevel | null {
  const [first = null, ...others] = levels;
  return others.reduce(
    (best, level) => (best !== null && Math.abs(best.x - x) <= Math.abs(level.x - x) ? best : level),
    first,
  );
}
