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
 * Orders and trades. Matching is the caller's: these store what it decides and move the money that goes with it.
 * They throw `PincexError` only where the whole call fails.
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
   * Holds what each order may need and stores it: both or neither.
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
   * A {@link batchPlaceOrders} of one order.
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
   * Cancels orders and gives back what their holds still have.
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

  /** A {@link batchCancelOrders} of one order. */
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
   * Captures both holds, credits both sides and the fees, fills both orders, writes the trade: all or nothing.
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

  /** A {@link batchSettleTrades} of one trade. */
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

  /** Stores orders without holding funds: for callers that lock them by themselves. */
  batchCreateOrders(
    orders: readonly CreateOrder[],
    options?: BatchOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#execute('createOrder', orders, options);
  }

  /** Stores one order without holding funds: {@link batchCreateOrders} with one item. */
  createOrder(order: CreateOrder, options?: BatchOptions): Promise<ItemResult<OrderOutcome>> {
    return executeOne(this.#execute, 'createOrder', order, options);
  }

  /**
   * Moves orders on in their states; filled quantity and average price may come along.
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

  /** Moves one order on in its states: {@link batchUpdateOrderStatus} with one item. */
  updateOrderStatus(update: UpdateOrderStatus, options?: BatchOptions): Promise<ItemResult<OrderOutcome>> {
    return executeOne(this.#execute, 'updateOrderStatus', update, options);
  }

  /**
   * The orders with these ids, in their order, `null` where there is none. Ids are unique for a user: `{ userId, id }` names
   * one order, and an id alone does as long as no other user has an order of that id.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`; `ambiguous_id` where an id alone names orders of several users
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
   * Calls that are made together are gathered into one {@link batchGetOrdersByIds}.
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
   * The newest orders of each user: a list for every user, in the order of the users.
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

  /** Calls that are made together, for the same limit, are gathered into one {@link batchGetUserOrders}. */
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
   * The newest open orders of each user, at most `limit` (default 1,000) of each.
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
   * The trades of each order, oldest first: a list for every order, in the order of the ids. As in
   * {@link batchGetOrdersByIds} an order is named by `{ userId, id }`, or by its id alone.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`; `ambiguous_id` where an id alone names orders of several users
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

  /** Each order by its user and its id, null where there is none. An order that was named by its id alone is looked for. */
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
   * What stands in the books, aggregated by price, in one statement.
   *
   * @param depth price levels on each side, 1 to 1,000
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
    return this.#repository.readDirectly((session) =>
      readEachOnce(keys, (distinct) => readOrderBooks(session, distinct, levels)),
    );
  }

  /** What stands in the book of one market: {@link batchGetOrderBooks} of one symbol. */
  async getOrderBook(symbol: string, depth?: number): Promise<OrderBook> {
    const [book] = await this.batchGetOrderBooks([requireKey('symbol', symbol)], depth);
    return book ?? { symbol, bids: [], asks: [] };
  }

  /**
   * All orders that stand in the books of these markets, best price first and of one price the first that came: what a
   * matching engine has to know when it starts. From the primary, past every cache. Stops that wait do not stand there.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`, `unknown_market`
   */
  async batchGetOpenOrders(symbols: readonly string[]): Promise<OpenOrders[]> {
    const keys = requireKeys('symbols', symbols);
    await this.#codes.requireMarkets(keys);
    const read = (session: Session) => readEachOnce(keys, (distinct) => readOpenOrders(session, distinct));
    return this.#repository.readDirectly(read, { fresh: true });
  }

  async #filteredLists(
    userIds: readonly string[],
    filter: UserOrdersFilter,
    fresh: boolean,
  ): Promise<OrderView[][]> {
    if (filter.symbol !== undefined) await this.#codes.requireMarkets([filter.symbol]);
    const read = (session: Session) =>
      readEachOnce(userIds, (distinct) => readUserOrders(session, distinct, filter));
    return this.#repository.readDirectly(read, { fresh });
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
