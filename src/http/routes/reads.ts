import Type from 'typebox';
import { PincexError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Pincex } from '../../pincex.ts';
import { countOrdersInBooks } from '../../reads/openOrders.ts';
import type { OrderBook } from '../../reads/orderBook.ts';
import { countTrades } from '../../reads/trades.ts';
import { outOfBounds } from '../access/errors.ts';
import { requireFoundWithin } from '../access/within.ts';
import type { App } from '../app.ts';
import { body, id, minVersions, orderKey, orderStatus, ref, refOrNull, strict } from '../schemas/common.ts';
import { orderExamples } from '../schemas/examples.ts';
import { answers } from '../schemas/responses.ts';
import { account, journalEntry, openOrders, order, orderBook, trade } from '../schemas/views.ts';
import type { CallGate } from '../load/callGate.ts';
import { readInGate, type GatedRead } from './gatedRead.ts';

const ids = Type.Array(id);
const orderKeys = Type.Array(orderKey);
const fresh = Type.Optional(
  Type.Boolean({ description: 'Reads the primary, so every earlier commit is seen' }),
);

/** Routes that read many rows at once. */
export function readRoutes(app: App, pincex: Pincex, gate: CallGate): void {
  const read = readInGate(gate);
  accounts(app, pincex, read);
  statements(app, pincex, read);
  ordersByIds(app, pincex, read);
  userOrders(app, pincex, read);
  tradesOfOrders(app, pincex, read);
  orderBooks(app, pincex, read);
  openOrdersOf(app, pincex, read);
}

function accounts(app: App, { bookkeeper }: Pincex, read: GatedRead): void {
  app.post(
    '/v1/accounts/batch-get',
    {
      config: {
        scope: 'read',
        lists: ['userIds', 'currencies'],
        argument: { pointer: '/minVersions' },
        codes: { pointer: '/currencies' },
      },
      schema: {
        operationId: 'batchGetAccounts',
        tags: ['Accounts'],
        summary: 'Accounts of users in currencies',
        description:
          'For each user in turn one account for each currency in turn, null where there is none. `minVersions` names, in the same order, the versions that are known: these or newer ones are returned.',
        body: body(
          {
            userIds: ids,
            currencies: Type.Array(Type.String()),
            minVersions,
          },
          { userIds: ['alice', 'bob'], currencies: ['USD', 'BTC'] },
        ),
        response: answers(strict({ accounts: Type.Array(refOrNull(account)) })),
      },
    },
    async (request) => {
      const { userIds, currencies, ...options } = request.body;
      requireRows(
        userIds.length * currencies.length,
        `${userIds.length} users in ${currencies.length} currencies`,
      );
      return {
        accounts: await read(request, () => bookkeeper.batchGetAccounts(userIds, currencies, options)),
      };
    },
  );
}

function statements(app: App, { bookkeeper }: Pincex, read: GatedRead): void {
  app.post(
    '/v1/accounts/statements/batch-get',
    {
      config: {
        scope: 'read',
        lists: ['accounts'],
        argument: { pointer: '/accounts' },
        codes: { pointer: '/accounts' },
      },
      schema: {
        operationId: 'batchGetAccountStatements',
        tags: ['Accounts'],
        summary: 'The newest journal entries of each account, newest first',
        description:
          'A page goes on where an earlier one ended when `before` is the version of its last entry.',
        body: body(
          {
            accounts: Type.Array(
              strict({
                userId: id,
                currency: Type.String({ examples: ['USD'] }),
                before: Type.Optional(
                  Type.Unsafe<number | null>({
                    type: ['integer', 'null'],
                    minimum: 0,
                    maximum: Number.MAX_SAFE_INTEGER,
                  }),
                ),
              }),
            ),
            limit: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: limits.reads.statementEntries.most,
                description: `For each account; ${limits.reads.statementEntries.byDefault} where absent`,
              }),
            ),
            fresh,
          },
          { accounts: [{ userId: 'alice', currency: 'USD' }], limit: 10 },
        ),
        response: answers(strict({ statements: Type.Array(Type.Array(ref(journalEntry))) })),
      },
    },
    async (request) => {
      const { accounts, ...options } = request.body;
      const { limit = limits.reads.statementEntries.byDefault } = options;
      requireRows(accounts.length * limit, `${accounts.length} accounts with up to ${limit} entries each`);
      const query = () => bookkeeper.batchGetAccountStatements(accounts, options);
      return { statements: await read(request, query, lengthsOf) };
    },
  );
}

function ordersByIds(app: App, { trading }: Pincex, read: GatedRead): void {
  app.post(
    '/v1/orders/batch-get',
    {
      config: { scope: 'read', lists: ['ids'], argument: { pointer: '/minVersions' } },
      schema: {
        operationId: 'batchGetOrdersByIds',
        tags: ['Orders'],
        summary: 'Orders by their ids, null where there is none',
        description:
          'An order is named by `{ userId, id }`, or by its id alone: where several users have an order of that id, the call is refused as `ambiguous_id`.',
        body: body(
          {
            ids: orderKeys,
            minVersions,
          },
          { ids: orderExamples },
        ),
        response: answers(strict({ orders: Type.Array(refOrNull(order)) })),
      },
    },
    async (request) => {
      const { ids, ...options } = request.body;
      requireRows(ids.length, `${ids.length} orders`);
      const orders = await read(request, () => trading.batchGetOrdersByIds(ids, options));
      requireFoundWithin(
        request.caller,
        '/ids',
        orders.map((order) => [order]),
      );
      return { orders };
    },
  );
}

function userOrders(app: App, { trading }: Pincex, read: GatedRead): void {
  app.post(
    '/v1/users/orders/batch-get',
    {
      config: { scope: 'read', lists: ['userIds'], codes: { pointer: '/symbol' } },
      schema: {
        operationId: 'batchGetUserOrders',
        tags: ['Orders'],
        summary: 'The newest orders of each user',
        body: body(
          {
            userIds: ids,
            statuses: Type.Optional(
              Type.Array(orderStatus, { description: 'Only orders in these; all where absent' }),
            ),
            symbol: Type.Optional(Type.String({ description: 'Only of this market' })),
            limit: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: limits.reads.ordersPerUser.most,
                description: `For each user; ${limits.reads.ordersPerUser.byDefault} where absent`,
              }),
            ),
            fresh,
          },
          { userIds: ['alice', 'bob'], limit: 10 },
        ),
        response: answers(strict({ orders: Type.Array(Type.Array(ref(order))) })),
      },
    },
    async (request) => {
      const { userIds, ...filter } = request.body;
      const { limit = limits.reads.ordersPerUser.byDefault } = filter;
      if (request.caller.bounds.markets !== null && filter.symbol === undefined)
        throw outOfBounds([{ pointer: '/symbol', detail: 'is needed: the key is bound to markets' }]);
      requireRows(userIds.length * limit, `${userIds.length} users with up to ${limit} orders each`);
      const query = () => trading.batchGetUserOrders(userIds, filter);
      return { orders: await read(request, query, lengthsOf) };
    },
  );
}

function tradesOfOrders(app: App, { trading, session }: Pincex, read: GatedRead): void {
  app.post(
    '/v1/trades/batch-get',
    {
      config: { scope: 'read', lists: ['orderIds'] },
      schema: {
        operationId: 'batchGetTradesByOrderIds',
        tags: ['Trades'],
        summary: 'The trades of each order, oldest first',
        description: 'Orders are named as in `/v1/orders/batch-get`.',
        body: body({ orderIds: orderKeys, fresh }, { orderIds: orderExamples }),
        response: answers(strict({ trades: Type.Array(Type.Array(ref(trade))) })),
      },
    },
    async (request) => {
      const { orderIds, ...options } = request.body;
      const query = async () => {
        // An order has any number of trades, so they are counted before they are read.
        const rows = await countTrades(session, orderIds, limits.http.readRows + 1);
        // Counting costs too, also if the count is refused.
        await request.chargeRows(rows);
        requireRows(rows, `${orderIds.length} orders with ${rows} trades or more`);
        return trading.batchGetTradesByOrderIds(orderIds, options);
      };
      const trades = await read(request, query);
      requireFoundWithin(request.caller, '/orderIds', trades);
      return { trades };
    },
  );
}

function orderBooks(app: App, { trading }: Pincex, read: GatedRead): void {
  app.post(
    '/v1/order-books/batch-get',
    {
      config: { scope: 'read', lists: ['symbols'], codes: { pointer: '/symbols' } },
      schema: {
        operationId: 'batchGetOrderBooks',
        tags: ['Markets'],
        summary: 'Order books, aggregated by price',
        body: body(
          {
            symbols: Type.Array(Type.String({ examples: ['BTC/USD'] })),
            depth: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: limits.reads.bookDepth.most,
                description: `Price levels on each side; ${limits.reads.bookDepth.byDefault} where absent`,
              }),
            ),
          },
          { symbols: ['BTC/USD'], depth: 10 },
        ),
        response: answers(strict({ orderBooks: Type.Array(ref(orderBook)) })),
      },
    },
    async (request) => {
      const { symbols, depth = limits.reads.bookDepth.byDefault } = request.body;
      requireRows(
        2 * symbols.length * depth,
        `${symbols.length} books with up to ${depth} levels on each side`,
      );
      return {
        orderBooks: await read(request, () => trading.batchGetOrderBooks(symbols, depth), ordersBehind),
      };
    },
  );
}

function openOrdersOf(app: App, { trading, session }: Pincex, read: GatedRead): void {
  app.post(
    '/v1/orders/open/batch-get',
    {
      config: { scope: 'read', ofAll: ['users'], lists: ['symbols'], codes: { pointer: '/symbols' } },
      schema: {
        operationId: 'batchGetOpenOrders',
        tags: ['Markets'],
        summary: 'Orders that stand in the books of markets, in price-time priority',
        description:
          'Each side with the order first that trades first: best price, and of one price the first that came. What a matching engine has to know when it starts. Stops that wait to be triggered do not stand there.',
        body: body({ symbols: Type.Array(Type.String({ examples: ['BTC/USD'] })) }, { symbols: ['BTC/USD'] }),
        response: answers(strict({ openOrders: Type.Array(ref(openOrders)) })),
      },
    },
    async (request) => {
      const { symbols } = request.body;
      const query = async () => {
        const rows = await countOrdersInBooks(session, symbols, limits.http.readRows + 1);
        await request.chargeRows(rows);
        requireRows(rows, `${symbols.length} markets with ${rows} orders or more`);
        return trading.batchGetOpenOrders(symbols);
      };
      return { openOrders: await read(request, query) };
    },
  );
}

const lengthsOf = (lists: readonly (readonly unknown[])[]): number =>
  lists.reduce((rows, { length }) => rows + length, 0);

/** Number of orders that the levels were added up from. */
const ordersBehind = (books: readonly OrderBook[]): number =>
  books.flatMap(({ bids, asks }) => [...bids, ...asks]).reduce((rows, { orders }) => rows + orders, 0);

/** @throws PincexError `batch_too_large` */
function requireRows(rows: number, asked: string): void {
  if (rows <= limits.http.readRows) return;
  const message = `One read answers at most ${limits.http.readRows} rows: ${asked} were asked for; ask for fewer at a time`;
  throw new PincexError('batch_too_large', message);
}
