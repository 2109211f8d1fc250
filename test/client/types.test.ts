import { ClientLookup } from '../../src/client/lookup.ts';
import { expect, expectTypeOf, it } from 'vitest';
import {
  PincexClient,
  type Account,
  type BatchOutcome,
  type BatchResult,
  type CallOptions,
  type Funds,
  type InterruptedBatch,
  type LockFunds,
  type MixedItem,
  type Order,
  type RowStream,
  type RunningBatch,
} from '../../src/client/index.ts';
import type { paths } from '../../src/client/schema.ts';

/** The compiler checks most of these: a wrong type fails `npm run check`. */

it('each method of the client has the types of its items and results', () => {
  expectTypeOf<PincexClient['batchLockFunds']>().parameter(0).toEqualTypeOf<readonly LockFunds[]>();
  expectTypeOf<PincexClient['batchLockFunds']>().returns.resolves.toEqualTypeOf<BatchResult<Funds>>();
  expectTypeOf<PincexClient['batchGetAccounts']>().returns.resolves.toEqualTypeOf<
    readonly (Account | null)[]
  >();
  expectTypeOf<PincexClient['streamOrders']>().returns.toEqualTypeOf<RowStream<Order>>();
  expectTypeOf<CallOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>();
});

it('amounts of money are typed as strings', () => {
  expectTypeOf<LockFunds['amount']>().toEqualTypeOf<string>();
  expectTypeOf<Funds['available']>().toEqualTypeOf<string>();
  expectTypeOf<Account['balance']>().toEqualTypeOf<string>();
  expectTypeOf<Order['price']>().toEqualTypeOf<string | null>();
});

it('the status of a result narrows its type to a success or a failure', () => {
  type Result = BatchResult<Funds>['results'][number];
  type Success = Extract<Result, { status: 'applied' | 'replayed' }>;
  expectTypeOf<Success>().toHaveProperty('data').toEqualTypeOf<Funds>();
  expectTypeOf<Extract<Result, { status: 'rejected' }>>()
    .toHaveProperty('error')
    .toHaveProperty('code')
    .toEqualTypeOf<string>();
  expectTypeOf<Extract<Result, { status: 'rejected' }>>().not.toHaveProperty('data');
});

it('the status of an outcome narrows its type to an ended, an interrupted or a running batch', () => {
  expectTypeOf<PincexClient['getBatch']>().returns.resolves.toEqualTypeOf<BatchOutcome>();
  expectTypeOf<BatchOutcome['status']>().toEqualTypeOf<
    'applied' | 'partial' | 'rejected' | 'interrupted' | 'running'
  >();
  expectTypeOf<RunningBatch>().toEqualTypeOf<{ readonly batchId: string; readonly status: 'running' }>();
  expectTypeOf<InterruptedBatch['counts']['appliedElsewhere']>().toEqualTypeOf<number>();
  expectTypeOf<InterruptedBatch['results'][number]['status']>().toEqualTypeOf<
    'applied' | 'applied_elsewhere' | 'not_applied'
  >();
  type Ended = Exclude<BatchOutcome, InterruptedBatch | RunningBatch>;
  expectTypeOf<Ended>().toEqualTypeOf<Awaited<ReturnType<PincexClient['execute']>>>();
});

it('the type of a mixed item demands a known command and the fields of that command', () => {
  const money = { id: 'in', userId: 'alice', currency: 'USD', amount: '1' };
  expectTypeOf({ command: 'deposit' as const, ...money }).toExtend<MixedItem>();
  expectTypeOf({ command: 'lockFunds' as const, ...money }).not.toExtend<MixedItem>();
  expectTypeOf({ command: 'nothing' as const, ...money }).not.toExtend<MixedItem>();
});

/** The method of each route. The compiler reports a new route that is missing here. */
const METHODS = {
  '/v1/accounts/batch-create': 'batchCreateAccounts',
  '/v1/funds/batch-deposit': 'batchDeposit',
  '/v1/funds/batch-withdraw': 'batchWithdraw',
  '/v1/funds/batch-transfer': 'batchTransfer',
  '/v1/funds/batch-lock': 'batchLockFunds',
  '/v1/funds/batch-unlock': 'batchUnlockFunds',
  '/v1/orders/batch-create': 'batchCreateOrders',
  '/v1/orders/batch-status': 'batchUpdateOrderStatus',
  '/v1/orders/batch-place': 'batchPlaceOrders',
  '/v1/orders/batch-cancel': 'batchCancelOrders',
  '/v1/trades/batch-settle': 'batchSettleTrades',
  '/v1/batches': 'execute',
  '/v1/batches/{batchId}': 'getBatch',
  '/v1/accounts/batch-get': 'batchGetAccounts',
  '/v1/accounts/statements/batch-get': 'batchGetAccountStatements',
  '/v1/orders/batch-get': 'batchGetOrdersByIds',
  '/v1/users/orders/batch-get': 'batchGetUserOrders',
  '/v1/trades/batch-get': 'batchGetTradesByOrderIds',
  '/v1/order-books/batch-get': 'batchGetOrderBooks',
  '/v1/orders/open/batch-get': 'batchGetOpenOrders',
  '/v1/markets': 'getMarkets',
  '/v1/alerts': 'getAlerts',
  '/v1/alerts/{id}/acknowledge': 'acknowledgeAlert',
  '/v1/database': 'getDatabase',
  '/v1/live': 'live',
  '/v1/limits': 'limits',
  '/v1/stream/accounts': 'streamAccounts',
  '/v1/stream/orders': 'streamOrders',
  '/v1/stream/trades': 'streamTrades',
  '/v1/stream/journal': 'streamJournal',
  '/v1/stream/operations': 'streamOperations',
} as const satisfies Record<Exclude<keyof paths, Probe | keyof typeof LOOKUPS>, keyof PincexClient>;

/** The method of `lookup` for each route of the look-ups. */
const LOOKUPS = {
  '/v1/users/{userId}/accounts': 'getAccounts',
  '/v1/users/{userId}/accounts/{currency}/entries': 'listEntries',
  '/v1/users/{userId}/holds': 'listHolds',
  '/v1/users/{userId}/holds/{orderId}': 'getHolds',
  '/v1/users/{userId}/orders': 'listOrders',
  '/v1/users/{userId}/orders/{orderId}': 'getOrder',
  '/v1/users/{userId}/orders/{orderId}/trades': 'listOrderTrades',
  '/v1/users/{userId}/trades': 'listTrades',
  '/v1/users/{userId}/transactions': 'listTransactions',
  '/v1/orders/{orderId}': 'findOrders',
  '/v1/trades/{tradeId}': 'getTrade',
  '/v1/batches/{batchId}/operations': 'getBatch',
  '/v1/totals': 'getTotals',
} as const satisfies Partial<Record<keyof paths, keyof ClientLookup>>;

/** Routes for the operators of the service, for which the client has no methods. */
type Probe = '/healthz' | '/readyz';

/** Earlier names, which stay until version 1.0. */
const ALIASES = ['placeOrders', 'cancelOrders', 'settleTrades'] as const;

it('the client has one method for each route, besides its earlier names', () => {
  const methods = Object.getOwnPropertyNames(PincexClient.prototype).filter((name) => name !== 'constructor');
  expect(methods.sort()).toEqual([...Object.values(METHODS), ...ALIASES].sort());
  expectTypeOf<keyof PincexClient>().toEqualTypeOf<
    (typeof METHODS)[keyof typeof METHODS] | (typeof ALIASES)[number] | 'lookup'
  >();
  const lookups = Object.getOwnPropertyNames(ClientLookup.prototype).filter((name) => name !== 'constructor');
  expect(lookups.sort()).toEqual(Object.values(LOOKUPS).sort());
});
