import type { PincexClient } from '../../../src/client/index.ts';
import { ErrorNote, Loading } from '../../components/Notes.tsx';
import { Panel } from '../../components/Panel.tsx';
import { Plain } from '../../components/Plain.tsx';
import { Table } from '../../components/Table.tsx';
import { useLoad } from '../../components/useLoad.ts';
import { address } from '../../navigation.ts';
import type { Params } from '../view.ts';
import { accountColumns, holdColumns, orderColumns, tradeColumns, transactionColumns } from './columns.tsx';
import { Newest } from './List.tsx';
import { Moment } from './Range.tsx';

const FEW = 10;

/** What a user has, what of it is locked and why, and what the user did last. */
export function User({ params: { userId = '' } }: { readonly params: Params }) {
  const read =
    <Found,>(list: (client: PincexClient, options: Options) => Promise<Found>) =>
    (client: PincexClient, signal: AbortSignal) =>
      list(client, { limit: FEW, signal });
  return (
    <div class="view">
      <h1>
        User <Plain text={userId} />
      </h1>
      <Balances userId={userId} />
      <Newest
        title="Holds"
        columns={holdColumns}
        keyOf={({ orderId, currency }) => `${orderId} ${currency}`}
        empty="Nothing is locked."
        read={read(({ lookup }, options) => lookup.listHolds(userId, options))}
        all={['user', userId, 'holds']}
      />
      <Newest
        title="Orders"
        columns={orderColumns}
        keyOf={({ id }) => id}
        empty="This user has no orders."
        read={read(({ lookup }, options) => lookup.listOrders(userId, options))}
        all={['user', userId, 'orders']}
      />
      <Newest
        title="Trades"
        columns={tradeColumns}
        keyOf={({ id, side }) => `${id} ${side}`}
        empty="This user has not traded."
        read={read(({ lookup }, options) => lookup.listTrades(userId, options))}
        all={['user', userId, 'trades']}
      />
      <Newest
        title="Transactions"
        columns={transactionColumns}
        keyOf={({ id }) => id}
        empty="This user made no deposit, withdrawal or transfer."
        read={read(({ lookup }, options) => lookup.listTransactions(userId, options))}
        all={['user', userId, 'transactions']}
      />
    </div>
  );
}

interface Options {
  readonly limit: number;
  readonly signal: AbortSignal;
}

function Balances({ userId }: { readonly userId: string }) {
  const { at } = address.value.query;
  const { data, error, reload } = useLoad(
    ({ lookup }, signal) => lookup.getAccounts(userId, { at, signal }),
    [at],
  );
  return (
    <Panel
      title={at === undefined ? 'Balances' : 'Balances as of a time'}
      actions={<Moment label="As of" name="at" value={at} />}
    >
      {error !== null && <ErrorNote error={error} retry={reload} />}
      {data === null && error === null && <Loading what="balances" />}
      {data !== null && (
        <Table
          caption="Balances"
          columns={accountColumns}
          rows={data}
          keyOf={({ currency }) => currency}
          empty={at === undefined ? 'No account has this user.' : 'This user had no account then.'}
        />
      )}
    </Panel>
  );
}
