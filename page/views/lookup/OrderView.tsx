import type { Order } from '../../../src/client/index.ts';
import { Amount } from '../../components/Amount.tsx';
import { Id } from '../../components/Id.tsx';
import { ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table } from '../../components/Table.tsx';
import { Time } from '../../components/Time.tsx';
import { useLoad } from '../../components/useLoad.ts';
import { operationTitle } from '../../format/text.ts';
import type { Params } from '../view.ts';
import { holdColumns, ordersOfUsersColumns, Status, tradeColumns } from './columns.tsx';
import { List, PAGE_ROWS } from './List.tsx';

/** An order, what it holds, its trades, and the batch that made it. */
export function OrderView({ params: { userId = '', orderId = '' } }: { readonly params: Params }) {
  const { data, error, reload } = useLoad(
    ({ lookup }, signal) => lookup.getOrder(userId, orderId, { signal }),
    [],
  );
  return (
    <div class="view">
      <h1>
        Order <Plain text={orderId} />
      </h1>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="the order" />}
      {data !== null && (
        <>
          <Terms order={data.order} batchId={data.operation?.batchId ?? null} />
          <Panel title="Holds">
            <Table
              caption="Holds"
              columns={holdColumns}
              rows={data.holds}
              keyOf={({ currency }) => currency}
              empty="This order holds nothing."
            />
          </Panel>
          <List
            title="Trades"
            columns={tradeColumns}
            keyOf={({ id, side }) => `${id} ${side}`}
            empty="This order has not traded."
            read={({ lookup }, { cursor }, signal) =>
              lookup.listOrderTrades(userId, orderId, { ...(cursor && { cursor }), signal, limit: PAGE_ROWS })
            }
            path={`v1/users/${encodeURIComponent(userId)}/orders/${encodeURIComponent(orderId)}/trades`}
            hasTimes={false}
          />
        </>
      )}
    </div>
  );
}

function Terms({ order, batchId }: { readonly order: Order; readonly batchId: string | null }) {
  const { userId, symbol, side, type, status, quantity, filledQuantity, timeInForce } = order;
  const amounts = {
    Price: order.price,
    'Average price': order.averagePrice,
    'Stop price': order.stopPrice,
    'May spend': order.holdAmount,
  };
  return (
    <Panel title="Terms">
      <dl class="facts">
        <dt>Status</dt>
        <dd>
          <Status status={status} /> {order.rejectCode !== null && <code>{order.rejectCode}</code>}
        </dd>
        <dt>User</dt>
        <dd>
          <Id id={userId} to={['user', userId]} />
        </dd>
        <dt>Market</dt>
        <dd>
          <Id id={symbol} to={['book', symbol]} /> {side} · {operationTitle(type)} · {timeInForce}
        </dd>
        <dt>Filled</dt>
        <dd>
          <Amount value={filledQuantity} /> of <Amount value={quantity} />
        </dd>
        {Object.entries(amounts).map(
          ([name, value]) =>
            value !== null && (
              <>
                <dt>{name}</dt>
                <dd>
                  <Amount value={value} />
                </dd>
              </>
            ),
        )}
        <dt>Created</dt>
        <dd>
          <Time at={order.createdAt} />
        </dd>
        <dt>Last change</dt>
        <dd>
          <Time at={order.updatedAt} />
        </dd>
        {batchId !== null && (
          <>
            <dt>Made by batch</dt>
            <dd>
              <Id id={batchId} to={['batch', batchId]} />
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
}

/** The orders of whichever users that have an id. */
export function OrdersById({ params: { orderId = '' } }: { readonly params: Params }) {
  const { data, error, reload } = useLoad(({ lookup }, signal) => lookup.findOrders(orderId, { signal }), []);
  return (
    <div class="view">
      <h1>
        Orders with the id <Plain text={orderId} />
      </h1>
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="orders" />}
      {data !== null && (
        <Panel title="Orders">
          <Table
            caption="Orders"
            columns={ordersOfUsersColumns}
            rows={data}
            keyOf={({ userId }) => userId}
            empty="No user has an order with this id."
          />
        </Panel>
      )}
    </div>
  );
}
