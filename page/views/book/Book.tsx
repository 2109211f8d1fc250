import { useEffect } from 'preact/hooks';
import type { OrderBook } from '../../../src/client/index.ts';
import { depthOf, type DepthLevel } from '../../charts/depth.ts';
import { DepthChart } from '../../charts/DepthChart.tsx';
import { Amount } from '../../components/Amount.tsx';
import { Segments } from '../../components/Choice.tsx';
import { Empty, ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { useLoad } from '../../components/useLoad.ts';
import { difference } from '../../format/amounts.ts';
import { count } from '../../format/numbers.ts';
import { address, setQuery } from '../../navigation.ts';
import { hrefOf } from '../../router.ts';
import type { Params } from '../view.ts';

const EVERY_MS = 2_000;
const DEPTHS = ['20', '100', '500'] as const;

/** The order book of a market as a depth chart and as its levels. */
export function Book({ params: { symbol = '' } }: { readonly params: Params }) {
  return (
    <div class="view">
      <div class="view-head">
        <div>
          <p class="hint">
            <a href={hrefOf(['book'])}>Order books</a>
          </p>
          <h1>
            <Plain text={symbol} />
          </h1>
        </div>
        <Segments
          label="Price levels of a side"
          value={depthIn(address.value.query)}
          options={DEPTHS.map((value) => ({ value, title: `${value} levels` }))}
          onChoose={(depth) => {
            setQuery({ depth });
          }}
        />
      </div>
      <CurrentBook symbol={symbol} />
    </div>
  );
}

const depthIn = ({ depth }: Readonly<Record<string, string>>): (typeof DEPTHS)[number] =>
  DEPTHS.find((one) => one === depth) ?? '100';

/** The book as it is now, read again every two seconds while somebody looks. */
function CurrentBook({ symbol }: { readonly symbol: string }) {
  const depth = Number(depthIn(address.value.query));
  const { data, error, isLoading, reload } = useLoad(
    (client, signal) => client.batchGetOrderBooks([symbol], depth, { signal }),
    [symbol, depth],
  );
  useEffect(() => {
    if (isLoading || (error !== null && !error.retryable)) return;
    const timer = setTimeout(() => {
      if (!document.hidden) reload();
    }, EVERY_MS);
    const onVisible = (): void => {
      if (!document.hidden) reload();
    };
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [isLoading, data, error]);
  const book = data?.[0];
  return (
    <>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {book === undefined ? error === null && <Loading what="the order book" /> : <Levels book={book} />}
    </>
  );
}

function Levels({ book }: { readonly book: OrderBook }) {
  const [base = '', quote = ''] = book.symbol.split('/');
  const depth = depthOf(book);
  const [bid, ask] = [depth.bids[0], depth.asks[0]];
  if (bid === undefined && ask === undefined)
    return (
      <Panel title="Depth">
        <Empty>No order is open in this market.</Empty>
      </Panel>
    );
  return (
    <>
      <Panel
        title="Depth"
        note={
          bid !== undefined &&
          ask !== undefined && (
            <>
              spread <Amount value={difference(ask.price, bid.price)} currency={quote} />
            </>
          )
        }
      >
        <DepthChart depth={depth} base={base} quote={quote} />
      </Panel>
      <div class="columns halves">
        <Side title="Bids" levels={depth.bids} base={base} quote={quote} />
        <Side title="Asks" levels={depth.asks} base={base} quote={quote} />
      </div>
    </>
  );
}

interface SideProps {
  readonly title: string;
  readonly levels: readonly DepthLevel[];
  readonly base: string;
  readonly quote: string;
}

function Side({ title, levels, base, quote }: SideProps) {
  const columns: readonly Column<DepthLevel>[] = [
    { title: `Price, ${quote}`, isNumber: true, cell: ({ price }) => <Amount value={price} /> },
    { title: `Quantity, ${base}`, isNumber: true, cell: ({ quantity }) => <Amount value={quantity} /> },
    { title: `Total, ${base}`, isNumber: true, cell: ({ total }) => <Amount value={total} /> },
    { title: 'Orders', isNumber: true, cell: ({ orders }) => count(orders) },
  ];
  return (
    <Panel title={title} note="the best first" class="tall">
      <Table
        caption={title}
        columns={columns}
        rows={levels}
        keyOf={({ price }) => price}
        empty="No order is open on this side."
      />
    </Panel>
  );
}
