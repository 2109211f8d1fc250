import type { CancelOrder } from '../commands/cancelOrder.ts';
import type { OrderOutcome } from '../commands/createOrder.ts';
import type { EndOutcome } from '../commands/endOrder.ts';
import type { CreateOrder } from '../commands/newOrder.ts';
import type { PlaceOrder, PlaceOutcome } from '../commands/placeOrder.ts';
import type { SettleTrade, TradeOutcome } from '../commands/settleTrade.ts';
import type { UpdateOrderStatus } from '../commands/updateOrderStatus.ts';
import type { Session } from '../database/database.ts';
import type { BatchOptions } from '../engine/engine.ts';
import { readOpenOrders, type OpenOrders } from '../reads/openOrders.ts';
import { readOrderBooks, type OrderBook } from '../reads/orderBook.ts';
import { readEachOnce, requireKeys, requireLimit, requireOrderKeys, type OrderKey } from '../reads/keys.ts';
import { readUserOrders, type OrderView, type UserOrdersFilter } from '../reads/orders.ts';
import type { TradeView } from '../reads/trades.ts';
import { orders, trades, userOrders } from '../repository/kinds.ts';
import { nothingCached, type Repository } from '../repository/repository.ts';
import type { BatchResult, ItemResult } from '../results.ts';
import { limits } from '../limits.ts';
import { executeOne, type Executor } from './executor.ts';
import { atLeast, eachAtLeast, type MinVersion, type MinVersions } from './versions.ts';

/**
 * Orders and trades. Matching is the caller's: these store what it decides and move the money that goes with it.
 * They throw `PincexError` only where the whole call fails.
 */
export class Trading {
  readonly #execute: Executor;
  readonly #repository: Repository;

  constructor(execute: Executor, repository: Repository) {
    this.#execute = execute;
    this.#repository = repository;
  }

  /** Holds what each order may need and stores it: both or neither. */
  placeOrders(orders: readonly PlaceOrder[], options?: BatchOptions): Promise<BatchResult<PlaceOutcome>> {
    return this.#execute('placeOrder', orders, options);
  }

  /** Cancels orders and gives back what their holds still have. */
  cancelOrders(cancels: readonly CancelOrder[], options?: BatchOptions): Promise<BatchResult<EndOutcome>> {
    return this.#execute('cancelOrder', cancels, options);
  }

  /** Captures both holds, credits both sides and the fees, fills both orders, writes the trade: all or nothing. */
  settleTrades(trades: readonly SettleTrade[], options?: BatchOptions): Promise<BatchResult<TradeOutcome>> {
    return this.#execute('settleTrade', trades, options);
  }

  /** Stores orders without holding funds: for callers that lock them by themselves. */
  batchCreateOrders(
    orders: readonly CreateOrder[],
    options?: BatchOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#execute('createOrder', orders, options);
  }

  createOrder(order: CreateOrder): Promise<ItemResult<OrderOutcome>> {
    return executeOne(this.#execute, 'createOrder', order);
  }

  /** Moves orders on in their states; filled quantity and average price may come along. */
  batchUpdateOrderStatus(
    updates: readonly UpdateOrderStatus[],
    options?: BatchOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#execute('updateOrderStatus', updates, options);
  }

  updateOrderStatus(update: UpdateOrderStatus): Promise<ItemResult<OrderOutcome>> {
    return executeOne(this.#execute, 'updateOrderStatus', update);
  }

  /**
   * The orders with these ids, in their order, `null` where there is none. Ids are unique for a user: `{ userId, id }` names
   * one order, and an id alone does as long as no other user has an order of that id.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`; `ambiguous_id` where an id alone names orders of several users
   */
  async batchGetOrdersByIds(ids: readonly OrderKey[], options?: MinVersions): Promise<(OrderView | null)[]> {
    requireOrderKeys('ids', ids);
    return this.#repository.getMany(orders, ids, eachAtLeast(ids.length, options));
  }

  /** Calls that are made together are gathered into one {@link batchGetOrdersByIds}. */
  async getOrder(id: OrderKey, options?: MinVersion): Promise<OrderView | null> {
    requireOrderKeys('id', [id]);
    return this.#repository.get(orders, id, atLeast(options));
  }

  /**
   * The newest orders of each user: a list for every user, in the order of the users.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  async batchGetUserOrders(
    userIds: readonly string[],
    { fresh = false, ...filter }: UserOrdersFilter & Fresh = {},
  ): Promise<OrderView[][]> {
    requireKeys('userIds', userIds);
    const { statuses, symbol, limit = limits.ordersPerUser.byDefault } = filter;
    if (statuses !== undefined || symbol !== undefined) {
      const read = (session: Session) =>
        readEachOnce(userIds, (distinct) => readUserOrders(session, distinct, filter));
      return this.#repository.readDirectly(read, { fresh });
    }
    return this.#listsOf(userIds, 'all', limit, fresh);
  }

  /** Calls that are made together, for the same limit, are gathered into one {@link batchGetUserOrders}. */
  async getUserOrders(userId: string, options: UserOrdersFilter & Fresh = {}): Promise<OrderView[]> {
    const { statuses, symbol, limit = limits.ordersPerUser.byDefault, fresh = false } = options;
    if (statuses !== undefined || symbol !== undefined) {
      const [list] = await this.batchGetUserOrders([userId], options);
      return list ?? [];
    }
    requireKeys('userId', [userId]);
    requireLimit('limit', limit, limits.ordersPerUser.most);
    const accepts = fresh ? nothingCached : undefined;
    const list = await this.#repository.get(userOrders('all', limit), userId, accepts);
    return list.slice(0, limit);
  }

  /**
   * The newest open orders of each user, at most `limit` (default 1,000) of each.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  async batchGetOpenOrdersByUsers(
    userIds: readonly string[],
    { limit = limits.ordersPerUser.most, fresh = false }: { readonly limit?: number } & Fresh = {},
  ): Promise<OrderView[][]> {
    requireKeys('userIds', userIds);
    return this.#listsOf(userIds, 'open', limit, fresh);
  }

  /**
   * The trades of each order, oldest first: a list for every order, in the order of the ids. As in
   * {@link batchGetOrdersByIds} an order is named by `{ userId, id }`, or by its id alone.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`; `ambiguous_id` where an id alone names orders of several users
   */
  async batchGetTradesByOrderIds(
    orderIds: readonly OrderKey[],
    { fresh = false }: Fresh = {},
  ): Promise<TradeView[][]> {
    requireOrderKeys('orderIds', orderIds);
    const lists = await this.#repository.getMany(trades, orderIds, fresh ? nothingCached : undefined);
    return lists.map((list) => [...list.trades]);
  }

  /**
   * What stands in the books, aggregated by price, in one statement.
   *
   * @param depth price levels on each side, 1 to 1,000
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  async batchGetOrderBooks(
    symbols: readonly string[],
    depth: number = limits.bookDepth.byDefault,
  ): Promise<OrderBook[]> {
    requireKeys('symbols', symbols);
    return this.#repository.readDirectly((session) =>
      readEachOnce(symbols, (distinct) => readOrderBooks(session, distinct, depth)),
    );
  }

  async getOrderBook(symbol: string, depth?: number): Promise<OrderBook> {
    const [book] = await this.batchGetOrderBooks([symbol], depth);
    return book ?? { symbol, bids: [], asks: [] };
  }

  /**
   * All orders that stand in the books of these markets, best price first and of one price the first that came: what a
   * matching engine has to know when it starts. From the primary, past every cache. Stops that wait do not stand there.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  async batchGetOpenOrders(symbols: readonly string[]): Promise<OpenOrders[]> {
    requireKeys('symbols', symbols);
    const read = (session: Session) => readEachOnce(symbols, (distinct) => readOpenOrders(session, distinct));
    return this.#repository.readDirectly(read, { fresh: true });
  }

  async #listsOf(
    userIds: readonly string[],
    which: 'all' | 'open',
    limit: number,
    fresh: boolean,
  ): Promise<OrderView[][]> {
    requireLimit('limit', limit, limits.ordersPerUser.most);
    const accepts = fresh ? nothingCached : undefined;
    const lists = await this.#repository.getMany(userOrders(which, limit), userIds, accepts);
    return lists.map((list) => list.slice(0, limit));
  }
}

/** Lists have no version: a reader that must see its own write asks for a fresh one. */
export interface Fresh {
  /** Past the cache and the replica. Default false. */
  readonly fresh?: boolean;
}
