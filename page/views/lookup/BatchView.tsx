import { Id } from '../../components/Id.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Time } from '../../components/Time.tsx';
import { useLoad } from '../../components/useLoad.ts';
import type { Params } from '../view.ts';
import { operationColumns } from './columns.tsx';
import { List, PAGE_ROWS } from './List.tsx';

/** The applied items of a batch, and the call that sent it. */
export function BatchView({ params: { batchId = '' } }: { readonly params: Params }) {
  return (
    <div class="view">
      <h1>
        Batch <Plain text={batchId} />
      </h1>
      <Sender batchId={batchId} />
      <List
        title="Applied items"
        columns={operationColumns}
        keyOf={({ userId, kind, id }) => JSON.stringify([userId, kind, id])}
        empty="No item of this batch was applied, or its operations are gone."
        read={({ lookup }, { cursor }, signal) =>
          lookup.getBatch(batchId, { ...(cursor && { cursor }), signal, limit: PAGE_ROWS })
        }
        path={`v1/batches/${encodeURIComponent(batchId)}/operations`}
        hasTimes={false}
      />
    </div>
  );
}

function Sender({ batchId }: { readonly batchId: string }) {
  const { data } = useLoad(({ lookup }, signal) => lookup.getBatch(batchId, { limit: 1, signal }), []);
  const [first] = data?.rows ?? [];
  if (data === null) return null;
  return (
    <Panel title="Sent">
      <dl class="facts">
        {data.call === null ? (
          <>
            <dt>By</dt>
            <dd>{first?.actor == null ? 'a caller of the library' : <Plain text={first.actor} />}</dd>
          </>
        ) : (
          <>
            <dt>By key</dt>
            <dd>
              <Id id={data.call.keyId} />
            </dd>
            <dt>To</dt>
            <dd>
              <code>{data.call.route}</code>
            </dd>
            <dt>Answer</dt>
            <dd>{data.call.status ?? 'none yet'}</dd>
          </>
        )}
        {first !== undefined && (
          <>
            <dt>Decided</dt>
            <dd>
              <Time at={first.createdAt} />
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
}
