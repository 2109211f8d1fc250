import { Plain } from '../../components/Plain.tsx';
import { hrefOf } from '../../router.ts';
import { Missing } from '../Missing.tsx';
import type { Params } from '../view.ts';
import { entryColumns, holdColumns, orderColumns, tradeColumns, transactionColumns } from './columns.tsx';
import { List, PAGE_ROWS } from './List.tsx';

/** A whole list of a user, page by page. */
export function UserList({ params: { userId = '', list = '' } }: { readonly params: Params }) {
  const path = `v1/users/${encodeURIComponent(userId)}/${list}`;
  const lists: Readonly<Record<string, () => preact.JSX.Element>> = {
    orders: () => (
      <List
        title="Orders"
        columns={orderColumns}
        keyOf={({ id }) => id}
        empty="No orders are on this page."
        read={({ lookup }, query, signal) =>
          lookup.listOrders(userId, { ...query, signal, limit: PAGE_ROWS })
        }
        path={path}
      />
    ),
    trades: () => (
      <List
        title="Trades"
        columns={tradeColumns}
        keyOf={({ id, side }) => `${id} ${side}`}
        empty="No trades are on this page."
        read={({ lookup }, query, signal) =>
          lookup.listTrades(userId, { ...query, signal, limit: PAGE_ROWS })
        }
        path={path}
      />
    ),
    transactions: () => (
      <List
        title="Transactions"
        columns={transactionColumns}
        keyOf={({ id }) => id}
        empty="No transactions are on this page."
        read={({ lookup }, query, signal) =>
          lookup.listTransactions(userId, { ...query, signal, limit: PAGE_ROWS })
        }
        path={path}
      />
    ),
    holds: () => (
      <List
        title="Holds"
        columns={holdColumns}
        keyOf={({ orderId, currency }) => `${orderId} ${currency}`}
        empty="Nothing is locked."
        read={({ lookup }, { cursor }, signal) =>
          lookup.listHolds(userId, { ...(cursor && { cursor }), signal, limit: PAGE_ROWS })
        }
        path={path}
        hasTimes={false}
      />
    ),
  };
  const shown = Object.hasOwn(lists, list) ? lists[list] : undefined;
  if (shown === undefined) return <Missing />;
  return (
    <div class="view">
      <Heading userId={userId} />
      {shown()}
    </div>
  );
}

/** The statement of an account. */
export function AccountStatement({ params: { userId = '', currency = '' } }: { readonly params: Params }) {
  return (
    <div class="view">
      <Heading userId={userId} />
      <List
        title={`Statement in ${currency}`}
        columns={entryColumns}
        keyOf={({ version }) => String(version)}
        empty="No entries are on this page."
        read={({ lookup }, query, signal) =>
          lookup.listEntries(userId, currency, { ...query, signal, limit: PAGE_ROWS })
        }
        path={`v1/users/${encodeURIComponent(userId)}/accounts/${encodeURIComponent(currency)}/entries`}
      />
    </div>
  );
}

const Heading = ({ userId }: { readonly userId: string }) => (
  <h1>
    <a href={hrefOf(['user', userId])}>
      User <Plain text={userId} />
    </a>
  </h1>
);
