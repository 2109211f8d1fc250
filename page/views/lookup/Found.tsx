import type { PincexClient } from '../../../src/client/index.ts';
import { Empty, ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { useLoad } from '../../components/useLoad.ts';
import { hrefOf } from '../../router.ts';
import type { Params } from '../view.ts';

interface Hit {
  readonly title: string;
  readonly to: readonly string[];
}

/** What an id may be the id of. */
export function Found({ params: { text = '' } }: { readonly params: Params }) {
  const { data, error, reload } = useLoad((client, signal) => find(client, text, signal), []);
  return (
    <div class="view">
      <h1>
        Found for <Plain text={text} />
      </h1>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="what has this id" />}
      {data !== null && (
        <Panel title="Things with this id">
          {data.length === 0 ? (
            <Empty>
              No user, order, trade or batch has this id. A hold is found by its user or its order.
            </Empty>
          ) : (
            <ul class="hits">
              {data.map(({ title, to }) => (
                <li>
                  <a href={hrefOf(to)}>
                    <Plain text={title} />
                  </a>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      )}
    </div>
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

async function find({ lookup }: PincexClient, text: string, signal: AbortSignal): Promise<Hit[]> {
  const [accounts, orders, trades, batch] = await Promise.all([
    lookup.getAccounts(text, { signal }),
    lookup.findOrders(text, { signal }),
    lookup.getTrade(text, { signal }),
    UUID.test(text) ? lookup.getBatch(text, { limit: 1, signal }) : null,
  ]);
  const has = batch !== null && (batch.call !== null || batch.rows.length > 0);
  return [
    ...(accounts.length > 0 ? [{ title: `User ${text}`, to: ['user', text] }] : []),
    ...orders.map(({ userId, id }) => ({ title: `Order ${id} of ${userId}`, to: ['order', userId, id] })),
    ...(trades.trades.length > 0 ? [{ title: `Trade ${text}`, to: ['trade', text] }] : []),
    ...(has ? [{ title: `Batch ${text}`, to: ['batch', text] }] : []),
  ];
}
