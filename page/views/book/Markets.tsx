import type { Market, OrderBook, PincexClient } from '../../../src/client/index.ts';
import { Amount } from '../../components/Amount.tsx';
import { Empty, ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table, type Column } from '../../components/Table.tsx';
import { useLoad } from '../../components/useLoad.ts';
import { difference } from '../../format/amounts.ts';
import { hrefOf } from '../../router.ts';

interface Row extends Market {
  /** Its best levels. */
  readonly book: OrderBook | undefined;
}

const QUIET = <span class="is-quiet">–</span>;

const COLUMNS: readonly Column<Row>[] = [
  {
    title: 'Market',
    cell: ({ symbol }) => (
      <a href={hrefOf(['book', symbol])}>
        <Plain text={symbol} />
      </a>
    ),
    sortBy: ({ symbol }) => symbol,
  },
  { title: 'Best bid', isNumber: true, cell: ({ book }) => priceOf(book?.bids[0]) },
  { title: 'Best ask', isNumber: true, cell: ({ book }) => priceOf(book?.asks[0]) },
  { title: 'Spread', isNumber: true, cell: ({ book }) => spreadOf(book) },
  { title: 'Tick', isNumber: true, cell: ({ tickSize }) => <Amount value={tickSize} /> },
  { title: 'Lot', isNumber: true, cell: ({ lotSize }) => <Amount value={lotSize} /> },
];

const priceOf = (level: OrderBook['bids'][number] | undefined) =>
  level === undefined ? QUIET : <Amount value={level.price} />;

function spreadOf(book: OrderBook | undefined) {
  const [bid, ask] = [book?.bids[0], book?.asks[0]];
  return bid === undefined || ask === undefined ? QUIET : <Amount value={difference(ask.price, bid.price)} />;
}

/** All markets with their best prices. */
export function Markets() {
  const { data, error, reload } = useLoad(readMarkets, []);
  return (
    <div class="view">
      <h1>Order books</h1>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="the markets" />}
      {data !== null && (
        <Panel title="Markets">
          {data.length === 0 ? (
            <Empty>
              No market was added yet: <code>pincex markets add</code>
            </Empty>
          ) : (
            <Table caption="Markets" columns={COLUMNS} rows={data} keyOf={({ symbol }) => symbol} empty="" />
          )}
        </Panel>
      )}
    </div>
  );
}

async function readMarkets(client: PincexClient, signal: AbortSignal): Promise<Row[]> {
  const markets = await client.getMarkets({ signal });
  if (markets.length === 0) return [];
  const books = await client.batchGetOrderBooks(
    markets.map(({ symbol }) => symbol),
    1,
    { signal },
  );
  return markets
    .map((market, n) => ({ ...market, book: books[n] }))
    .sort((one, other) => levelsOf(other) - levelsOf(one));
}

/** Markets with orders come first. */
const levelsOf = ({ book }: Row): number => (book?.bids.length ?? 0) + (book?.asks.length ?? 0);
