import Type from 'typebox';
import { limits } from '../../limits.ts';
import type { Pincex } from '../../pincex.ts';
import { requireFoundWithin } from '../access/within.ts';
import type { App } from '../app.ts';
import type { CallGate } from '../load/callGate.ts';
import { Problem, quoted } from '../problems/problem.ts';
import { ref, refOrNull, strict } from '../schemas/common.ts';
import { csvOr } from '../schemas/responses.ts';
import {
  account,
  batchCall,
  currencyTotals,
  hold,
  journalEntry,
  operationOutcome,
  order,
  trade,
  transaction,
} from '../schemas/views.ts';
import { readInGate, type GatedRead } from './gatedRead.ts';
import {
  optionalText,
  pageAnswer,
  pageOptions,
  pageQuery,
  rangeQuery,
  rowsIn,
  sendPage,
  sendRows,
  symbolQuery,
} from './pages.ts';

/** Routes by which support looks up users, accounts, orders, trades and batches: lists in pages, newest first. */
export function lookupRoutes(app: App, { lookup }: Pincex, gate: CallGate): void {
  const read = readInGate(gate);
  accounts(app, lookup, read);
  orderRoutes(app, lookup, read);
  ordersById(app, lookup, read);
  tradeRoutes(app, lookup, read);
  tradesById(app, lookup, read);
  holdsOf(app, lookup, read);
  transactionsOf(app, lookup, read);
  batches(app, lookup, read);
  totals(app, lookup, read);
}

type Lookup = Pincex['lookup'];

/** An id in a path, which is never empty. */
const named = (description: string, ...examples: string[]) =>
  Type.String({ description, minLength: 1, ...(examples.length > 0 && { examples }) });

const userId = named('The user', 'alice');
const orderId = named('The id of the order');

function accounts(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/users/:userId/accounts',
    {
      config: { scope: 'read', ofAll: ['markets'], argument: { parameter: 'at' } },
      schema: {
        operationId: 'getUserAccounts',
        tags: ['Look-ups'],
        summary: 'All accounts of a user, now or as of a time',
        params: strict({ userId }),
        querystring: strict({ at: optionalText('ISO 8601') }),
        response: csvOr(strict({ accounts: Type.Array(ref(account)) })),
      },
    },
    async (request, reply) => {
      const query = () => lookup.getAccounts(request.params.userId, request.query);
      const accounts = await read(request, query, ({ length }) => length);
      return sendRows(request, reply, 'accounts', accounts);
    },
  );

  app.get(
    '/v1/users/:userId/accounts/:currency/entries',
    {
      config: {
        scope: 'read',
        argument: { parameter: 'cursor' },
        codes: { parameter: 'currency' },
      },
      schema: {
        operationId: 'listEntries',
        tags: ['Look-ups'],
        summary: 'The journal entries of an account, newest first',
        params: strict({ userId, currency: named('Its code', 'USD') }),
        querystring: strict(rangeQuery),
        response: pageAnswer('entries', journalEntry),
      },
    },
    async (request, reply) => {
      const { userId, currency } = request.params;
      const query = () => lookup.listEntries(userId, currency, pageOptions(request.query));
      return sendPage(request, reply, 'entries', await read(request, query, rowsIn));
    },
  );
}

function holdsOf(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/users/:userId/holds',
    {
      config: { scope: 'read', ofAll: ['markets'], argument: { parameter: 'cursor' } },
      schema: {
        operationId: 'listHolds',
        tags: ['Look-ups'],
        summary: 'The open holds of a user: what is locked, and for which orders',
        description: 'By order id, the last one first: holds have no index by time.',
        params: strict({ userId }),
        querystring: strict(pageQuery),
        response: pageAnswer('holds', hold),
      },
    },
    async (request, reply) => {
      const query = () => lookup.listHolds(request.params.userId, pageOptions(request.query));
      return sendPage(request, reply, 'holds', await read(request, query, rowsIn));
    },
  );

  app.get(
    '/v1/users/:userId/holds/:orderId',
    {
      config: { scope: 'read', ofAll: ['markets'] },
      schema: {
        operationId: 'getHolds',
        tags: ['Look-ups'],
        summary: 'The open holds of a user for an order, one for each currency',
        params: strict({ userId, orderId }),
        response: csvOr(strict({ holds: Type.Array(ref(hold)) })),
      },
    },
    async (request, reply) => {
      const { userId, orderId } = request.params;
      const query = () => lookup.getHolds(userId, orderId);
      return sendRows(request, reply, 'holds', await read(request, query, ({ length }) => length));
    },
  );
}

function transactionsOf(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/users/:userId/transactions',
    {
      config: { scope: 'read', ofAll: ['markets'], argument: { parameter: 'cursor' } },
      schema: {
        operationId: 'listTransactions',
        tags: ['Look-ups'],
        summary: 'The deposits, withdrawals and transfers that a user made, newest first',
        params: strict({ userId }),
        querystring: strict(rangeQuery),
        response: pageAnswer('transactions', transaction),
      },
    },
    async (request, reply) => {
      const query = () => lookup.listTransactions(request.params.userId, pageOptions(request.query));
      return sendPage(request, reply, 'transactions', await read(request, query, rowsIn));
    },
  );
}

function orderRoutes(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/users/:userId/orders',
    {
      config: {
        scope: 'read',
        needsMarket: true,
        argument: { parameter: 'cursor' },
        codes: { parameter: 'symbol' },
      },
      schema: {
        operationId: 'listOrders',
        tags: ['Look-ups'],
        summary: 'The orders of a user, newest first',
        params: strict({ userId }),
        querystring: strict({
          ...rangeQuery,
          ...symbolQuery,
          status: optionalText('Only in these states, separated by commas, such as `open,filled`'),
        }),
        response: pageAnswer('orders', order),
      },
    },
    async (request, reply) => {
      const { status, ...rest } = request.query;
      const filter = { ...pageOptions(rest), ...(status !== undefined && { statuses: status.split(',') }) };
      const query = () =>
        lookup.listOrders(request.params.userId, filter as Parameters<Lookup['listOrders']>[1]);
      return sendPage(request, reply, 'orders', await read(request, query, rowsIn));
    },
  );

  app.get(
    '/v1/users/:userId/orders/:orderId',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'lookUpOrder',
        tags: ['Look-ups'],
        summary: 'An order, what it holds, and the item that made it',
        params: strict({ userId, orderId }),
        response: {
          200: strict({
            order: ref(order),
            holds: Type.Array(ref(hold)),
            operation: refOrNull(operationOutcome),
          }),
        },
      },
    },
    async (request) => {
      const { userId, orderId } = request.params;
      const found = await read(request, async () => ({ order: await lookup.getOrder(userId, orderId) }));
      if (found.order === null) throw notFound(`${quoted(userId)} has no order ${quoted(orderId)}`);
      requireFoundWithin(request.caller, '/orderId', [[found.order.order]]);
      const { order, holds, operation } = found.order;
      return { order, holds: [...holds], operation };
    },
  );
}

function ordersById(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/orders/:orderId',
    {
      config: { scope: 'read', ofAll: ['users', 'markets'] },
      schema: {
        operationId: 'findOrders',
        tags: ['Look-ups'],
        summary: `The orders with an id, of whichever users; at most ${limits.reads.sameIds}`,
        params: strict({ orderId }),
        response: csvOr(strict({ orders: Type.Array(ref(order)) })),
      },
    },
    async (request, reply) => {
      const query = () => lookup.findOrders(request.params.orderId);
      const orders = await read(request, query, ({ length }) => length);
      return sendRows(request, reply, 'orders', orders);
    },
  );
}

function tradeRoutes(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/users/:userId/trades',
    {
      config: {
        scope: 'read',
        needsMarket: true,
        argument: { parameter: 'cursor' },
        codes: { parameter: 'symbol' },
      },
      schema: {
        operationId: 'listTrades',
        tags: ['Look-ups'],
        summary: 'The trades of a user, newest first',
        params: strict({ userId }),
        querystring: strict({ ...rangeQuery, ...symbolQuery }),
        response: pageAnswer('trades', trade),
      },
    },
    async (request, reply) => {
      const query = () => lookup.listTrades(request.params.userId, pageOptions(request.query));
      return sendPage(request, reply, 'trades', await read(request, query, rowsIn));
    },
  );

  app.get(
    '/v1/users/:userId/orders/:orderId/trades',
    {
      config: { scope: 'read', argument: { parameter: 'cursor' } },
      schema: {
        operationId: 'listOrderTrades',
        tags: ['Look-ups'],
        summary: 'The trades of an order, newest first',
        params: strict({ userId, orderId }),
        querystring: strict(pageQuery),
        response: pageAnswer('trades', trade),
      },
    },
    async (request, reply) => {
      const { userId, orderId } = request.params;
      const query = () => lookup.listOrderTrades(userId, orderId, pageOptions(request.query));
      const page = await read(request, query, rowsIn);
      requireFoundWithin(request.caller, '/orderId', [page.rows]);
      return sendPage(request, reply, 'trades', page);
    },
  );
}

function tradesById(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/trades/:tradeId',
    {
      config: { scope: 'read', ofAll: ['users', 'markets'] },
      schema: {
        operationId: 'lookUpTrade',
        tags: ['Look-ups'],
        summary: 'The sides of a trade, and the items that settled it',
        params: strict({ tradeId: named('The id of the trade') }),
        response: {
          200: strict({ trades: Type.Array(ref(trade)), operations: Type.Array(ref(operationOutcome)) }),
        },
      },
    },
    async (request) => {
      const { tradeId } = request.params;
      const found = await read(
        request,
        () => lookup.getTrade(tradeId),
        ({ trades }) => trades.length,
      );
      return { trades: [...found.trades], operations: [...found.operations] };
    },
  );
}

function batches(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/batches/:batchId/operations',
    {
      config: { scope: 'read', ofAll: ['users', 'markets'], argument: { parameter: 'batchId' } },
      schema: {
        operationId: 'lookUpBatch',
        tags: ['Look-ups'],
        summary: 'The applied items of a batch of any key, and the call that sent it',
        params: strict({ batchId: named('UUID') }),
        querystring: strict(pageQuery),
        response: pageAnswer('operations', operationOutcome, { call: refOrNull(batchCall) }),
      },
    },
    async (request, reply) => {
      const query = () => lookup.getBatch(request.params.batchId, pageOptions(request.query));
      return sendPage(request, reply, 'operations', await read(request, query, rowsIn));
    },
  );
}

function totals(app: App, lookup: Lookup, read: GatedRead): void {
  app.get(
    '/v1/totals',
    {
      config: { scope: 'read', ofAll: ['users', 'markets'] },
      schema: {
        operationId: 'getTotals',
        tags: ['Look-ups'],
        summary: 'All accounts added up by currency',
        description: 'Reads every account, so it takes the longer the more accounts there are.',
        response: { 200: strict({ totals: Type.Array(ref(currencyTotals)) }) },
      },
    },
    async (request) => ({ totals: await read(request, () => lookup.getTotals()) }),
  );
}

const notFound = (detail: string): Problem => new Problem('not_found', detail);
