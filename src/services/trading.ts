import type { CancelOrder } from '../commands/cancelOrder.ts';
import type { OrderOutcome } from '../commands/createOrder.ts';
import type { EndOutcome } from '../commands/endOrder.ts';
import type { CreateOrder } from '../commands/newOrder.ts';
import type { PlaceOrder, PlaceOutcome } from '../commands/placeOrder.ts';
import type { SettleTrade, TradeOutcome } from '../commands/settleTrade.ts';
import type { UpdateOrderStatus } from '../commands/updateOrderStatus.ts';
import type { Session } from '../database/database.ts';
import type { BatchOptions } from '../engine/engine.ts';
import { readOrderBooks, type OrderBook } from '../reads/orderBook.ts';
import {
  readOpenOrdersByUsers,
  readOrdersByIds,
  readUserOrders,
  type OrderView,
  type UserOrdersFilter,
} from '../reads/orders.ts';
import { readTradesByOrderIds, type TradeView } from '../reads/trades.ts';
import type { BatchResult, ItemResult } from '../results.ts';
import { executeOne, type Executor } from './executor.ts';

/**
 * Orders and trades. Matching is the caller's: these store what it decides and move the money that goes with it.
 * They throw `PincexError` only where the whole call fails.
 */
export class Trading {
  readonly #execute: Executor;
  readonly #session: Session;

  constructor(execute: Executor, session: Session) {
    this.#execute = execute;
    this.#session = session;
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
   * The orders with these ids, in their order, `null` where there is none.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  batchGetOrdersByIds(ids: readonly string[]): Promise<(OrderView | null)[]> {
    return readOrdersByIds(this.#session, ids);
  }

  async getOrder(id: string): Promise<OrderView | null> {
    const [order] = await this.batchGetOrdersByIds([id]);
    return order ?? null;
  }

  /**
   * The newest orders of each user: a list for every user, in the order of the users.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  batchGetUserOrders(userIds: readonly string[], filter?: UserOrdersFilter): Promise<OrderView[][]> {
    return readUserOrders(this.#session, userIds, filter);
  }

  async getUserOrders(userId: string, filter?: UserOrdersFilter): Promise<OrderView[]> {
    const [orders] = await this.batchGetUserOrders([userId], filter);
    return orders ?? [];
  }

  /**
   * The newest open orders of each user, at most `limit` (default 1,000) of each.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  batchGetOpenOrdersByUsers(
    userIds: readonly string[],
    options?: { readonly limit?: number },
  ): Promise<OrderView[][]> {
    return readOpenOrdersByUsers(this.#session, userIds, options);
  }

  /**
   * The trades of each order, oldest first: a list for every order, in the order of the ids.
   *
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  batchGetTradesByOrderIds(orderIds: readonly string[]): Promise<TradeView[][]> {
    return readTradesByOrderIds(this.#session, orderIds);
  }

  /**
   * What stands in the books, aggregated by price, in one statement.
   *
   * @param depth price levels on each side, 1 to 1,000
   * @throws PincexError `invalid_argument`, `batch_too_large`
   */
  batchGetOrderBooks(symbols: readonly string[], depth = 20): Promise<OrderBook[]> {
    return readOrderBooks(this.#session, symbols, depth);
  }

  async getOrderBook(symbol: string, depth = 20): Promise<OrderBook> {
    const [book] = await this.batchGetOrderBooks([symbol], depth);
    return book ?? { symbol, bids: [], asks: [] };
  }
}
