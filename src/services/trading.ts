import type { KnownCodes } from '../catalog/knownCodes.ts';
import type { CancelOrder } from '../commands/cancelOrder.ts';
import type { OrderOutcome } from '../commands/createOrder.ts';
import type { EndOutcome } from '../commands/endOrder.ts';
import type { CreateOrder } from '../commands/newOrder.ts';
import type { PlaceOrder, PlaceOutcome } from '../commands/placeOrder.ts';
import type { SettleTrade, TradeOutcome } from '../commands/settleTrade.ts';
import type { UpdateOrderStatus } from '../commands/updateOrderStatus.ts';
import type { Session } from '../database/database.ts';
import type { BatchOptions } from '../engine/options.ts';
import { namesOf, readOptions } from '../known.ts';
import { readOpenOrders, type OpenOrders } from '../reads/openOrders.ts';
import { readOrderBooks, type OrderBook } from '../reads/orderBook.ts';
import {
  readEachOnce,
  requireFlag,
  requireKey,
  requireKeys,
  requireLimit,
  requireOrderKey,
  requireOrderKeys,
  type OrderKey,
  type OwnedOrderKey,
} from '../reads/readArguments.ts';
import {
  readUserOrders,
  requireStatuses,
  theOrder,
  type FoundOrder,
  type OrderView,
  type UserOrdersFilter,
} from '../reads/orders.ts';
import type { TradeView } from '../reads/trades.ts';
import { orders, trades, userOrders } from '../repository/kinds.ts';
import { nothingCached, type Accepts, type Repository } from '../repository/repository.ts';
import type { BatchResult, ItemResult } from '../results.ts';
import { limits } from '../limits.ts';
import { refuseSurplus } from '../surplus.ts';
import { executeOne, type Executor } from './executor.ts';
import { atLeast, eachAtLeast, type Fresh, type MinVersion, type MinVersions } from './versions.ts';

/**
 * Orders and trades. The caller matches orders; these calls store its decisions and move the money of the trades. A call throws
 * `PincexError` only if it fails as a whole.
 */
export class Trading {
  readonly #execute: Executor;
  readonly #repository: Repository;
  readonly #codes: KnownCodes;

  /** @internal */
  constructor(execute: Executor, repository: Repository, codes: KnownCodes) {
    this.#execute = execute;
    this.#repository = repository;
    this.#codes = codes;
  }

  /**
   * Places orders: locks the funds that each order may need and stores the order, both or neither.
   *
   * @example
   * ```ts
   * const { results } = await trading.batchPlaceOrders([
   *   { id: 'o1', userId: 'alice', symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '0.1', price: '50000' },
   * ]);
   * ```
   */
  batchPlaceOrders(
    orders: readonly PlaceOrder[],
    options?: BatchOptions,
  ): Promise<BatchResult<PlaceOutcome>> {
    return this.#execute('placeOrder', orders, options);
  }

  /**
   * Places one order: {@link batchPlaceOrders} with one item.
   *
   * @example
   * ```ts
   * const result = await trading.placeOrder({
   *   id: 'o1',
   *   userId: 'alice',
   *   symbol: 'BTC/USD',
   *   side: 'buy',
   *   type: 'limit',
   *   quantity: '0.1',
   *   price: '50000',
   * });
   * if (result.status === 'applied') console.log(result.data.funds);
   * ```
   */
  placeOrder(order: PlaceOrder, options?: BatchOptions): Promise<ItemResult<PlaceOutcome>> {
    return executeOne(this.#execute, 'placeOrder', order, options);
  }

  /**
   * The earlier name of {@link batchPlaceOrders}.
   *
   * @deprecated It goes with version 1.0.
   */
  placeOrders(orders: readonly PlaceOrder[], options?: BatchOptions): Promise<BatchResult<PlaceOutcome>> {
    return this.batchPlaceOrders(orders, options);
  }

  /**
   * Cancels orders and releases the rest of their holds.
   *
   * @example
   * ```ts
   * await trading.batchCancelOrders([{ id: 'c1', userId: 'alice', orderId: 'o1' }]);
   * ```
   */
  batchCancelOrders(
    cancels: readonly CancelOrder[],
    options?: BatchOptions,
  ): Promise<BatchResult<EndOutcome>> {
    return this.#execute('cancelOrder', cancels, options);
  }

  /** Cancels one order: {@link batchCancelOrders} with one item. */
  cancelOrder(cancel: CancelOrder, options?: BatchOptions): Promise<ItemResult<EndOutcome>> {
    return executeOne(this.#execute, 'cancelOrder', cancel, options);
  }

  /**
   * The earlier name of {@link batchCancelOrders}.
   *
   * @deprecated It goes with version 1.0.
   */
  cancelOrders(cancels: readonly CancelOrder[], options?: BatchOptions): Promise<BatchResult<EndOutcome>> {
    return this.batchCancelOrders(cancels, options);
  }

  /**
   * Settles trades: spends both holds, credits both sides and the fees, fills both orders and stores the trade, all or nothing.
   *
   * @example
   * ```ts
   * await trading.batchSettleTrades([
   *   {
   *     id: 't1',
   *     symbol: 'BTC/USD',
   *     price: '50000',
   *     quantity: '0.1',
   *     buyUserId: 'alice',
   *     buyOrderId: 'o1',
   *     sellUserId: 'bob',
   *     sellOrderId: 'o2',
   *     takerSide: 'buy',
   *     buyFee: '0.0001',
   *   },
   * ]);
   * ```
   */
  batchSettleTrades(
    trades: readonly SettleTrade[],
    options?: BatchOptions,
  ): Promise<BatchResult<TradeOutcome>> {
    return this.#execute('settleTrade', trades, options);
  }

  /** Settles one trade: {@link batchSettleTrades} with one item. */
  settleTrade(trade: SettleTrade, options?: BatchOptions): Promise<ItemResult<TradeOutcome>> {
    return executeOne(this.#execute, 'settleTrade', trade, options);
  }

  /**
   * The earlier name of {@link batchSettleTrades}.
   *
   * @deprecated It goes with version 1.0.
   */
  settleTrades(trades: readonly SettleTrade[], options?: BatchOptions): Promise<BatchResult<TradeOutcome>> {
    return this.batchSettleTrades(trades, options);
  }

  /** Stores orders without locking funds, for callers that lock the funds themselves. */
  batchCreateOrders(
    orders: readonly CreateOrder[],
    options?: BatchOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#execute('createOrder', orders, options);
  }

  /** Stores one order without locking funds: {@link batchCreateOrders} with one item. */
  createOrder(order: CreateOrder, options?: BatchOptions): Promise<ItemResult<OrderOutcome>> {
    return executeOne(this.#execute, 'createOrder', order, options);
  }

  /**
   * Changes the status of orders, and optionally their filled quantity and average price.
   *
   * @example
   * ```ts
   * await trading.batchUpdateOrderStatus([{ id: 's1', userId: 'alice', orderId: 'o1', status: 'open' }]);
   * ```
   */
  batchUpdateOrderStatus(
    updates: readonly UpdateOrderStatus[],
    options?: BatchOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#execute('updateOrderStatus', updates, options);
  }

  /** Changes the status of one order: {@link batchUpdateOrderStatus} with one item. */
  updateOrderStatus(update: UpdateOrderStatus, options?: BatchOptions): Promise<ItemResult<OrderOutcome>> {
    return executeOne(this.#execute, 'updateOrderStatus', update, options);
  }

  /**
   * Reads the orders with these ids, in the order of the ids, `null` for an order that does not exist. Ids are unique for a
   * user: `{ userId, id }` names one order; an id alone names one as long as no other user has an order with the same id.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`; `ambiguous_id` if an id alone names orders of several users
   *
   * @example
   * ```ts
   * const [order] = await trading.batchGetOrdersByIds([{ userId: 'alice', id: 'o1' }]);
   * console.log(order?.status);
   * ```
   */
  async batchGetOrdersByIds(ids: readonly OrderKey[], options?: MinVersions): Promise<(OrderView | null)[]> {
    const keys = requireOrderKeys('ids', ids);
    const accepts = eachAtLeast('batchGetOrdersByIds', keys.length, options);
    return (await this.#repository.getMany(orders, keys, accepts)).map(theOrder);
  }

  /**
   * Reads one order, or `null` if it does not exist. Calls in the same turn of the event loop are gathered into one batch read.
   *
   * @example
   * ```ts
   * const order = await trading.getOrder({ userId: 'alice', id: 'o1' });
   * console.log(order?.filledQuantity);
   * ```
   */
  async getOrder(id: OrderKey, options?: MinVersion): Promise<OrderView | null> {
    return theOrder(
      await this.#repository.get(orders, requireOrderKey('id', id), atLeast('getOrder', options)),
    );
  }

  /**
   * Reads the newest orders of each user: one list for each user, in the order of the users.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`, `unknown_market`
   *
   * @example
   * ```ts
   * const [ofAlice = []] = await trading.batchGetUserOrders(['alice', 'bob'], { statuses: ['open'], limit: 10 });
   * console.log(ofAlice.length);
   * ```
   */
  async batchGetUserOrders(
    userIds: readonly string[],
    options?: UserOrdersFilter & Fresh,
  ): Promise<OrderView[][]> {
    const users = requireKeys('userIds', userIds);
    const { fresh, ...filter } = readUserOrdersOptions('batchGetUserOrders', options);
    if (!isFiltered(filter)) return this.#listsOf(users, 'all', filter.limit, fresh);
    return this.#filteredLists(users, filter, fresh);
  }

  /**
   * Reads the orders of one user. Unfiltered calls in the same turn of the event loop that have the same limit are gathered
   * into one batch read.
   */
  async getUserOrders(userId: string, options?: UserOrdersFilter & Fresh): Promise<OrderView[]> {
    const user = requireKey('userId', userId);
    const { fresh, ...filter } = readUserOrdersOptions('getUserOrders', options);
    if (isFiltered(filter)) {
      const [list] = await this.#filteredLists([user], filter, fresh);
      return list ?? [];
    }
    const { limit } = filter;
    const accepts = fresh ? nothingCached : undefined;
    const list = await this.#repository.get(userOrders('all', limit), user, accepts);
    return list.slice(0, limit);
  }

  /**
   * Reads the newest open orders of each user, at most `limit` of each (default 1,000).
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  async batchGetOpenOrdersByUsers(
    userIds: readonly string[],
    options?: { readonly limit?: number | undefined } & Fresh,
  ): Promise<OrderView[][]> {
    const users = requireKeys('userIds', userIds);
    const read = readOptions('batchGetOpenOrdersByUsers', options, LIMIT_AND_FRESH);
    const { limit = limits.reads.ordersPerUser.most, fresh = false } = read;
    requireLimit('limit', limit, limits.reads.ordersPerUser.most);
    requireFlag('fresh', fresh);
    return this.#listsOf(users, 'open', limit, fresh);
  }

  /**
   * Reads the trades of each order, oldest first: one list for each order, in the order of the ids. As in
   * {@link batchGetOrdersByIds}, an order is named by `{ userId, id }` or by its id alone.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`; `ambiguous_id` if an id alone names orders of several users
   */
  async batchGetTradesByOrderIds(orderIds: readonly OrderKey[], options?: Fresh): Promise<TradeView[][]> {
    const keys = requireOrderKeys('orderIds', orderIds);
    const { fresh = false } = readOptions('batchGetTradesByOrderIds', options, FRESH);
    requireFlag('fresh', fresh);
    const accepts = fresh ? nothingCached : undefined;
    const owned = await this.#ownersOf(keys, accepts);
    const asked = owned.filter((key) => key !== null);
    const found = (await this.#repository.getMany(trades, asked, accepts)).values();
    return owned.map((key) => (key === null ? [] : [...(found.next().value?.trades ?? [])]));
  }

  /** The key of each order, with its user; null for an order that does not exist. Orders named by id alone are looked up. */
  async #ownersOf(
    keys: readonly OrderKey[],
    accepts: Accepts<FoundOrder> | undefined,
  ): Promise<(OwnedOrderKey | null)[]> {
    const alone = keys.filter((key) => typeof key === 'string');
    const found = alone.length === 0 ? [] : await this.#repository.getMany(orders, alone, accepts);
    const next = found.map(theOrder).values();
    return keys.map((key) => {
      if (typeof key !== 'string') return key;
      const order = next.next().value ?? null;
      return order && { userId: order.userId, id: order.id };
    });
  }

  /**
   * Reads the order books of these markets, aggregated by price, with one statement.
   *
   * @param depth the number of price levels on each side, 1 to 1,000
   * @throws PincexError `invalid_argument`, `batch_too_large`, `unknown_market`
   *
   * @example
   * ```ts
   * const [book] = await trading.batchGetOrderBooks(['BTC/USD'], 10);
   * console.log(book?.bids[0]?.price, book?.asks[0]?.price);
   * ```
   */
  async batchGetOrderBooks(symbols: readonly string[], depth?: number): Promise<OrderBook[]> {
    const keys = requireKeys('symbols', symbols);
    const levels = depth ?? limits.reads.bookDepth.byDefault;
    requireLimit('depth', levels, limits.reads.bookDepth.most);
    await this.#codes.requireMarkets(keys);
    const read = (session: Session) =>
      readEachOnce(keys, (distinct) => readOrderBooks(session, distinct, levels));
    return this.#repository.readDirectly('batch_get_order_books', keys.length, read);
  }

  /** Reads the order book of one market: {@link batchGetOrderBooks} of one symbol. */
  async getOrderBook(symbol: string, depth?: number): Promise<OrderBook> {
    const [book] = await this.batchGetOrderBooks([requireKey('symbol', symbol)], depth);
    return book ?? { symbol, bids: [], asks: [] };
  }

  /**
   * Reads all orders in the books of these markets, by price, best first, and then by time, oldest first: the state from
   * which a matching engine starts. It reads the primary, without the cache. Stop orders that have not been triggered are not
   * included.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`, `unknown_market`
   */
  async batchGetOpenOrders(symbols: readonly string[]): Promise<OpenOrders[]> {
    const keys = requireKeys('symbols', symbols);
    await this.#codes.requireMarkets(keys);
    const read = (session: Session) => readEachOnce(keys, (distinct) => readOpenOrders(session, distinct));
    return this.#repository.readDirectly('batch_get_open_orders', keys.length, read, { fresh: true });
  }

  async #filteredLists(
    userIds: readonly string[],
    filter: UserOrdersFilter,
    fresh: boolean,
  ): Promise<OrderView[][]> {
    if (filter.symbol !== undefined) await this.#codes.requireMarkets([filter.symbol]);
    const read = (session: Session) =>
      readEachOnce(userIds, (distinct) => readUserOrders(session, distinct, filter));
    return this.#repository.readDirectly('batch_get_user_orders', userIds.length, read, { fresh });
  }

  async #listsOf(
    userIds: readonly string[],
    which: 'all' | 'open',
    limit: number,
    fresh: boolean,
  ): Promise<OrderView[][]> {
    const accepts = fresh ? nothingCached : undefined;
    const lists = await this.#repository.getMany(userOrders(which, limit), userIds, accepts);
    return lists.map((list) => list.slice(0, limit));
  }
}

refuseSurplus(Trading);

const FRESH = namesOf<Fresh>({ fresh: true });
const LIMIT_AND_FRESH = namesOf<{ limit?: number } & Fresh>({ limit: true, fresh: true });
const USER_ORDERS = namesOf<UserOrdersFilter & Fresh>({
  statuses: true,
  symbol: true,
  limit: true,
  fresh: true,
});

const isFiltered = ({ statuses, symbol }: UserOrdersFilter): boolean =>
  statuses !== undefined || symbol !== undefined;

function readUserOrdersOptions(call: string, options: unknown) {
  const read = readOptions(call, options, USER_ORDERS);
  const { statuses, symbol, limit = limits.reads.ordersPerUser.byDefault, fresh = false } = read;
  requireLimit('limit', limit, limits.reads.ordersPerUser.most);
  requireFlag('fresh', fresh);
  return {
    limit,
    fresh,
    ...(statuses !== undefined && { statuses: requireStatuses(statuses) }),
    ...(symbol !== undefined && { symbol: requireKey('symbol', symbol) }),
  };
}
