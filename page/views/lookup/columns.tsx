import type {
  Account,
  Hold,
  JournalEntry,
  OperationOutcome,
  Order,
  Trade,
  Transaction,
} from '../../../src/client/index.ts';
import { Amount } from '../../components/Amount.tsx';
import { Badge, type Tone } from '../../components/Badge.tsx';
import { Id } from '../../components/Id.tsx';
import { Plain } from '../../components/Plain.tsx';
import type { Column } from '../../components/Table.tsx';
import { Time } from '../../components/Time.tsx';
import { operationTitle } from '../../format/text.ts';
import { own } from '../../own.ts';

/** The columns of each kind of row. */

const QUIET = <span class="is-quiet">–</span>;

const TONES: Readonly<Record<string, Tone>> = {
  open: 'info',
  partially_filled: 'info',
  pending: 'info',
  filled: 'good',
  completed: 'good',
  rejected: 'bad',
  failed: 'bad',
};

export const Status = ({ status }: { readonly status: string }) => (
  <Badge tone={own(TONES, status) ?? 'quiet'}>{operationTitle(status)}</Badge>
);

const price = (value: string | null) => (value === null ? QUIET : <Amount value={value} />);

export const accountColumns: readonly Column<Account>[] = [
  {
    title: 'Currency',
    cell: ({ userId, currency }) => <Id id={currency} to={['user', userId, 'account', currency]} />,
    sortBy: ({ currency }) => currency,
  },
  { title: 'Available', isNumber: true, cell: ({ available }) => <Amount value={available} /> },
  { title: 'Locked', isNumber: true, cell: ({ locked }) => <Amount value={locked} /> },
  { title: 'Balance', isNumber: true, cell: ({ balance }) => <Amount value={balance} /> },
  { title: 'Entries', isNumber: true, cell: ({ version }) => version },
  { title: 'Last change', cell: ({ updatedAt }) => <Time at={updatedAt} /> },
];

export const entryColumns: readonly Column<JournalEntry>[] = [
  { title: 'Time', cell: ({ createdAt }) => <Time at={createdAt} /> },
  { title: 'Entry', isNumber: true, cell: ({ version }) => version },
  { title: 'Reason', cell: (entry) => operationTitle(snake(entry.operationType)) },
  { title: 'Available', isNumber: true, cell: ({ availableDelta }) => <Delta value={availableDelta} /> },
  { title: 'Locked', isNumber: true, cell: ({ lockedDelta }) => <Delta value={lockedDelta} /> },
  { title: 'Available then', isNumber: true, cell: ({ available }) => <Amount value={available} /> },
  { title: 'Locked then', isNumber: true, cell: ({ locked }) => <Amount value={locked} /> },
  { title: 'Order', cell: ({ userId, orderId }) => orderLink(userId, orderId) },
  { title: 'Operation', cell: ({ operationId }) => <Id id={operationId} /> },
  { title: 'Note', class: 'wraps', cell: ({ reason }) => reason !== null && <Plain text={reason} /> },
];

export const holdColumns: readonly Column<Hold>[] = [
  { title: 'For order', cell: ({ userId, orderId }) => orderLink(userId, orderId) },
  {
    title: 'Locked',
    isNumber: true,
    cell: ({ amount, currency }) => <Amount value={amount} currency={currency} />,
  },
  { title: 'Made', cell: ({ placed }) => (placed ? 'with its order' : 'by itself') },
  { title: 'Since', cell: ({ createdAt }) => <Time at={createdAt} /> },
  {
    title: 'Until',
    cell: ({ expiresAt }) => (expiresAt === null ? 'it is released' : <Time at={expiresAt} />),
  },
];

export const orderColumns: readonly Column<Order>[] = [
  { title: 'Order', cell: ({ userId, id }) => <Id id={id} to={['order', userId, id]} /> },
  { title: 'Status', cell: ({ status }) => <Status status={status} /> },
  { title: 'Market', cell: ({ symbol }) => <Id id={symbol} to={['book', symbol]} /> },
  { title: 'Side', cell: ({ side, type }) => `${side} · ${operationTitle(type)}` },
  { title: 'Quantity', isNumber: true, cell: ({ quantity }) => <Amount value={quantity} /> },
  { title: 'Filled', isNumber: true, cell: ({ filledQuantity }) => <Amount value={filledQuantity} /> },
  { title: 'Price', isNumber: true, cell: (order) => price(order.price) },
  { title: 'Created', cell: ({ createdAt }) => <Time at={createdAt} /> },
];

export const ordersOfUsersColumns: readonly Column<Order>[] = [
  { title: 'User', cell: ({ userId }) => <Id id={userId} to={['user', userId]} /> },
  ...orderColumns,
];

export const tradeColumns: readonly Column<Trade>[] = [
  { title: 'Trade', cell: ({ id }) => <Id id={id} to={['trade', id]} /> },
  { title: 'Market', cell: ({ symbol }) => <Id id={symbol} to={['book', symbol]} /> },
  { title: 'Side', cell: ({ side, liquidity }) => `${side} · ${liquidity}` },
  { title: 'Price', isNumber: true, cell: (trade) => <Amount value={trade.price} /> },
  { title: 'Quantity', isNumber: true, cell: ({ quantity }) => <Amount value={quantity} /> },
  { title: 'Paid', isNumber: true, cell: ({ quoteAmount }) => <Amount value={quoteAmount} /> },
  { title: 'Fee', isNumber: true, cell: ({ fee }) => <Amount value={fee} /> },
  { title: 'Order', cell: ({ userId, orderId }) => orderLink(userId, orderId) },
  { title: 'Time', cell: ({ executedAt }) => <Time at={executedAt} /> },
];

export const tradeSideColumns: readonly Column<Trade>[] = [
  { title: 'User', cell: ({ userId }) => <Id id={userId} to={['user', userId]} /> },
  ...tradeColumns.slice(1),
];

export const transactionColumns: readonly Column<Transaction>[] = [
  { title: 'Time', cell: ({ createdAt }) => <Time at={createdAt} /> },
  { title: 'Kind', cell: ({ type }) => type },
  { title: 'Status', cell: ({ status }) => <Status status={status} /> },
  {
    title: 'Amount',
    isNumber: true,
    cell: ({ amount, currency }) => <Amount value={amount} currency={currency} />,
  },
  {
    title: 'To',
    cell: ({ toUserId }) => (toUserId === null ? QUIET : <Id id={toUserId} to={['user', toUserId]} />),
  },
  { title: 'Reference', cell: ({ reference }) => (reference === null ? QUIET : <Plain text={reference} />) },
  { title: 'Transaction', cell: ({ id }) => <Id id={id} /> },
];

export const operationColumns: readonly Column<OperationOutcome>[] = [
  { title: 'User', cell: ({ userId }) => <Id id={userId} to={['user', userId]} /> },
  { title: 'Command', cell: ({ type }) => operationTitle(snake(type)) },
  { title: 'Item', cell: (operation) => itemLink(operation) },
  { title: 'Outcome', class: 'wraps', cell: ({ outcome }) => <Outcome outcome={outcome} /> },
  { title: 'Note', class: 'wraps', cell: ({ reason }) => reason !== null && <Plain text={reason} /> },
  { title: 'Sender', cell: ({ actor }) => (actor === null ? QUIET : <Plain text={actor} />) },
];

/** An amount that came or went. */
function Delta({ value }: { readonly value: string }) {
  if (value === '0') return QUIET;
  const isGain = !value.startsWith('-');
  return (
    <span class={isGain ? 'is-gain' : undefined}>
      <Amount value={isGain ? `+${value}` : value} />
    </span>
  );
}

/** The data of a result, without the parts of its parts. */
function Outcome({ outcome }: { readonly outcome: object }) {
  const shown = Object.entries(outcome).filter(
    ([, value]) => typeof value === 'string' || typeof value === 'number',
  );
  return (
    <>
      {shown.map(([name, value]) => (
        <span class="outcome">
          {name} <Plain text={String(value)} />
        </span>
      ))}
    </>
  );
}

const orderLink = (userId: string, orderId: string | null) =>
  orderId === null ? QUIET : <Id id={orderId} to={['order', userId, orderId]} />;

function itemLink({ kind, userId, id }: OperationOutcome) {
  if (kind === 'order') return <Id id={id} to={['order', userId, id]} />;
  return kind === 'trade' ? <Id id={id} to={['trade', id]} /> : <Id id={id} />;
}

/** `lockFunds` as `lock_funds`. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
