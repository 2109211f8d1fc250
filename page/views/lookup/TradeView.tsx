import { Id } from '../../components/Id.tsx';
import { Empty, ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table } from '../../components/Table.tsx';
import { useLoad } from '../../components/useLoad.ts';
import type { Params } from '../view.ts';
import { tradeSideColumns } from './columns.tsx';

/** The sides of a trade, and the batches that settled it. */
export function TradeView({ params: { tradeId = '' } }: { readonly params: Params }) {
  const { data, error, reload } = useLoad(({ lookup }, signal) => lookup.getTrade(tradeId, { signal }), []);
  const batches = [...new Set(data?.operations.map(({ batchId }) => batchId))];
  return (
    <div class="view">
      <h1>
        Trade <Plain text={tradeId} />
      </h1>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="the trade" />}
      {data !== null && (
        <>
          <Panel title="Sides">
            <Table
              caption="Sides of the trade"
              columns={tradeSideColumns}
              rows={data.trades}
              keyOf={({ userId, side }) => `${userId} ${side}`}
              empty="There is no such trade."
            />
          </Panel>
          <Panel title="Settled by">
            {batches.length === 0 && <Empty>The batch that settled it is not known.</Empty>}
            {batches.map((batchId) => (
              <p>
                batch <Id id={batchId} to={['batch', batchId]} />
              </p>
            ))}
          </Panel>
        </>
      )}
    </div>
  );
}
