import Type from 'typebox';
import { OPERATION_KINDS } from '../../commands/kinds.ts';
import {
  component,
  decimal,
  id,
  metadata,
  oneOf,
  orderStatus,
  orNull,
  ref,
  strict,
  time,
  version,
} from './common.ts';

/** Rows that reads return. */

const symbol = Type.String({ examples: ['BTC/USD'] });
const side = oneOf('buy', 'sell');

export const account = component(
  'Account',
  strict({
    userId: id,
    currency: Type.String({ examples: ['USD'] }),
    available: decimal,
    locked: decimal,
    balance: decimal,
    version,
    updatedAt: time,
  }),
);

export const order = component(
  'Order',
  strict({
    id,
    userId: id,
    symbol,
    side,
    type: oneOf('limit', 'market', 'stop', 'stop_limit', 'trailing_stop'),
    status: orderStatus,
    quantity: decimal,
    filledQuantity: decimal,
    averagePrice: orNull(decimal),
    price: orNull(decimal),
    stopPrice: orNull(decimal),
    trailingAmount: orNull(decimal),
    trailingPercent: orNull(decimal),
    displayQuantity: orNull(decimal),
    timeInForce: oneOf('gtc', 'ioc', 'fok', 'gtd', 'day'),
    expiresAt: orNull(time),
    ocoGroupId: orNull(id),
    parentOrderId: orNull(id),
    holdAmount: orNull(decimal),
    placed: Type.Boolean(),
    rejectCode: orNull(Type.String()),
    version,
    createdAt: time,
    updatedAt: time,
  }),
);

export const trade = component(
  'Trade',
  strict({
    id,
    userId: id,
    orderId: id,
    symbol,
    side,
    price: decimal,
    quantity: decimal,
    quoteAmount: decimal,
    fee: decimal,
    liquidity: oneOf('maker', 'taker'),
    executedAt: time,
  }),
);

export const journalEntry = component(
  'JournalEntry',
  strict({
    userId: id,
    currency: Type.String(),
    version,
    availableDelta: decimal,
    lockedDelta: decimal,
    available: decimal,
    locked: decimal,
    operationId: id,
    operationType: Type.String(),
    orderId: orNull(id),
    reason: orNull(Type.String()),
    metadata,
    createdAt: time,
  }),
);

export const operation = component(
  'Operation',
  strict({
    userId: id,
    kind: oneOf(...OPERATION_KINDS),
    id,
    type: Type.String({ examples: ['lockFunds'] }),
    batchId: Type.String({ format: 'uuid' }),
    actor: orNull(
      Type.String({
        description:
          'The sender of the batch: `key:` and the id of the API key, or the `actor` that a caller of the library gave',
        examples: ['key:0123456789abcdef'],
      }),
    ),
    reason: orNull(Type.String()),
    metadata,
    createdAt: time,
  }),
);

export const operationOutcome = component(
  'OperationOutcome',
  strict({
    ...operation.schema.properties,
    outcome: Type.Unsafe<object>({
      type: 'object',
      description: 'The data of its result',
      additionalProperties: true,
    }),
  }),
);

export const batchCall = component(
  'BatchCall',
  strict({
    keyId: Type.String({ description: 'The id of the API key' }),
    route: Type.String(),
    status: Type.Unsafe<number | null>({ type: ['integer', 'null'], description: 'Of the HTTP answer' }),
    createdAt: time,
    finishedAt: orNull(time),
  }),
);

export const hold = component(
  'Hold',
  strict({
    userId: id,
    orderId: id,
    currency: Type.String({ examples: ['USD'] }),
    amount: decimal,
    placed: Type.Boolean(),
    expiresAt: orNull(time),
    createdAt: time,
  }),
);

export const transaction = component(
  'Transaction',
  strict({
    id,
    userId: id,
    type: oneOf('deposit', 'withdrawal', 'transfer'),
    status: oneOf('pending', 'completed', 'failed'),
    currency: Type.String({ examples: ['USD'] }),
    amount: decimal,
    toUserId: orNull(id),
    reference: orNull(Type.String()),
    createdAt: time,
  }),
);

const sums = component(
  'Sums',
  strict({ available: decimal, locked: decimal, balance: decimal, accounts: Type.Integer({ minimum: 0 }) }),
);

export const currencyTotals = component(
  'CurrencyTotals',
  strict({ currency: Type.String({ examples: ['USD'] }), users: ref(sums), system: ref(sums) }),
);

const level = component(
  'BookLevel',
  strict({ price: decimal, quantity: decimal, orders: Type.Integer({ minimum: 1 }) }),
);

export const orderBook = component(
  'OrderBook',
  strict({ symbol, bids: Type.Array(ref(level)), asks: Type.Array(ref(level)) }),
);

export const market = component(
  'Market',
  strict({
    symbol,
    base: Type.String({ description: 'The currency that is traded', examples: ['BTC'] }),
    quote: Type.String({ description: 'The currency that it is paid in', examples: ['USD'] }),
    tickSize: decimal,
    lotSize: decimal,
    minNotional: decimal,
  }),
);

export const openOrders = component(
  'OpenOrders',
  strict({ symbol, bids: Type.Array(ref(order)), asks: Type.Array(ref(order)) }),
);

export const alert = component(
  'Alert',
  strict({
    id: Type.String({ description: 'UUID' }),
    rule: Type.String({ examples: ['success_rate'] }),
    subject: Type.String({
      description:
        'The check of the doctor, or the process as `host:pid` for the pool and the cache; else empty',
    }),
    severity: oneOf('error', 'warning'),
    state: oneOf('pending', 'firing', 'resolved'),
    message: Type.String({ description: 'Names the value and the threshold' }),
    pendingAt: time,
    firedAt: orNull(time),
    resolvedAt: orNull(time),
    acknowledgedAt: orNull(time),
    acknowledgedBy: orNull(Type.String({ examples: ['ann'] })),
  }),
);
