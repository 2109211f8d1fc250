import { validate as isUuid } from 'uuid';
import type { KnownCodes } from '../catalog/knownCodes.ts';
import type { Session } from '../database/database.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import type { AccountView } from '../reads/accounts.ts';
import { readBatchCall, type BatchCallView } from '../reads/batchCalls.ts';
import {
  readBatchOperationPage,
  readOperationsById,
  type OperationOutcomeView,
} from '../reads/batchOperations.ts';
import { readEntryPage } from '../reads/entryPages.ts';
import { readHoldPage, readHoldsOfOrder, type HoldView } from '../reads/holds.ts';
import type { JournalEntryView } from '../reads/journal.ts';
import type { ReadOperation } from '../reads/operationNames.ts';
import { readOrderPage, type OrderFilter } from '../reads/orderPages.ts';
import { isAmbiguous, readOrdersByIds, requireStatuses, type OrderView } from '../reads/orders.ts';
import type { Page, PageOptions, TimeRange } from '../reads/page.ts';
import { requireKey } from '../reads/readArguments.ts';
import { readOrdersOfAnyUser } from '../reads/sameOrders.ts';
import { readTotals, type CurrencyTotals } from '../reads/totals.ts';
import { readOrderTradePage, readTradePage, readTradesById, type TradeFilter } from '../reads/tradePages.ts';
import type { TradeView } from '../reads/trades.ts';
import { readTransactionPage, type TransactionView } from '../reads/transactions.ts';
import { readUserAccounts } from '../reads/userAccounts.ts';
import type { Repository } from '../repository/repository.ts';
import { refuseSurplus } from '../surplus.ts';

/** An order, the funds that it holds, and the item that made it. */
export interface OrderLookup {
  readonly order: OrderView;
  readonly holds: readonly HoldView[];
  /** `null` if its row is gone. */
  readonly operation: OperationOutcomeView | null;
}

/** The sides of a trade, and the items that settled it. */
export interface TradeLookup {
  readonly trades: readonly TradeView[];
  readonly operations: readonly OperationOutcomeView[];
}

/** The applied items of a batch, and the call over HTTP that sent it. */
export interface BatchLookup extends Page<OperationOutcomeView> {
  readonly call: BatchCallView | null;
}

/**
 * What support asks for: the history of users, accounts, orders and batches, in pages, newest first. Every read but that of the
 * totals goes by an index, past the cache, and may be up to the replica's lag behind.
 *
 * @example
 * ```ts
 * let page = await lookup.listOrders('alice', { limit: 50 });
 * while (page.older !== null) page = await lookup.listOrders('alice', { limit: 50, cursor: page.older });
 * ```
 */
export class Lookup {
  readonly #repository: Repository;
  readonly #codes: KnownCodes;

  /** @internal */
  constructor(repository: Repository, codes: KnownCodes) {
    this.#repository = repository;
    this.#codes = codes;
  }

  /**
   * The accounts of a user, by currency: as they are, or as they were at a time (ISO 8601).
   *
   * @throws PincexError `invalid_argument`
   */
  async getAccounts(
    userId: string,
    options?: { readonly at?: string | null | undefined },
  ): Promise<AccountView[]> {
    const user = requireKey('userId', userId);
    const { at } = readOptions('getAccounts', options, AT);
    return this.#read('get_user_accounts', (session) => readUserAccounts(session, user, at));
  }

  /**
   * The journal entries of an account, newest first.
   *
   * @throws PincexError `invalid_argument`, `unknown_currency`
   */
  async listEntries(
    userId: string,
    currency: string,
    options?: PageOptions & TimeRange,
  ): Promise<Page<JournalEntryView>> {
    const key = { userId: requireKey('userId', userId), currency: requireKey('currency', currency) };
    const known = readOptions('listEntries', options, RANGE);
    await this.#codes.requireCurrencies([key.currency]);
    return this.#read('list_entries', (session) => readEntryPage(session, key, known));
  }

  /**
   * The open holds of a user, the last order ids first: what is locked, and for which orders.
   *
   * @throws PincexError `invalid_argument`
   */
  async listHolds(userId: string, options?: PageOptions): Promise<Page<HoldView>> {
    const user = requireKey('userId', userId);
    const known = readOptions('listHolds', options, PAGE);
    return this.#read('list_holds', (session) => readHoldPage(session, user, known));
  }

  /**
   * The orders of a user, newest first.
   *
   * @throws PincexError `invalid_argument`, `unknown_market`
   */
  async listOrders(userId: string, options?: PageOptions & OrderFilter): Promise<Page<OrderView>> {
    const user = requireKey('userId', userId);
    const { statuses, ...known } = readOptions('listOrders', options, ORDERS);
    const filter = { ...known, ...(statuses !== undefined && { statuses: requireStatuses(statuses) }) };
    await this.#requireMarket(filter.symbol);
    return this.#read('list_orders', (session) => readOrderPage(session, user, filter));
  }

  /**
   * The trades of a user, newest first.
   *
   * @throws PincexError `invalid_argument`, `unknown_market`
   */
  async listTrades(userId: string, options?: PageOptions & TradeFilter): Promise<Page<TradeView>> {
    const user = requireKey('userId', userId);
    const known = readOptions('listTrades', options, TRADES);
    await this.#requireMarket(known.symbol);
    return this.#read('list_trades', (session) => readTradePage(session, user, known));
  }

  /**
   * The trades of an order, newest first.
   *
   * @throws PincexError `invalid_argument`
   */
  async listOrderTrades(userId: string, orderId: string, options?: PageOptions): Promise<Page<TradeView>> {
    const key = { userId: requireKey('userId', userId), id: requireKey('orderId', orderId) };
    const known = readOptions('listOrderTrades', options, PAGE);
    return this.#read('list_order_trades', (session) => readOrderTradePage(session, key, known));
  }

  /**
   * The deposits, withdrawals and transfers that a user made, newest first.
   *
   * @throws PincexError `invalid_argument`
   */
  async listTransactions(userId: string, options?: PageOptions & TimeRange): Promise<Page<TransactionView>> {
    const user = requireKey('userId', userId);
    const known = readOptions('listTransactions', options, RANGE);
    return this.#read('list_transactions', (session) => readTransactionPage(session, user, known));
  }

  /** The open holds of a user for an order, which may be one that no order has: one for each currency. */
  async getHolds(userId: string, orderId: string): Promise<HoldView[]> {
    const key = { userId: requireKey('userId', userId), id: requireKey('orderId', orderId) };
    return this.#read('get_holds', (session) => readHoldsOfOrder(session, key));
  }

  /** An order with the funds that it holds, and the item that made it; `null` if the user has no such order. */
  async getOrder(userId: string, orderId: string): Promise<OrderLookup | null> {
    const user = requireKey('userId', userId);
    const id = requireKey('orderId', orderId);
    const { found } = await this.#read('look_up_order', async (session) => {
      const [order = null] = await readOrdersByIds(session, [{ userId: user, id }]);
      if (order === null || isAmbiguous(order)) return { found: null };
      const holds = await readHoldsOfOrder(session, { userId: user, id });
      const [operation = null] = await readOperationsById(session, [user], 'order', id);
      return { found: { order, holds, operation } };
    });
    return found;
  }

  /** The orders with this id, of whichever users; at most 100. */
  async findOrders(orderId: string): Promise<OrderView[]> {
    const id = requireKey('orderId', orderId);
    return this.#read('find_orders', (session) => readOrdersOfAnyUser(session, id));
  }

  /** The sides of the trades with this id, of whichever users, and the items that settled them; at most 100 of each. */
  async getTrade(tradeId: string): Promise<TradeLookup> {
    const id = requireKey('tradeId', tradeId);
    return this.#read('look_up_trade', async (session) => {
      const trades = await readTradesById(session, id);
      const users = [...new Set(trades.map(({ userId }) => userId))];
      return { trades, operations: await readOperationsById(session, users, 'trade', id) };
    });
  }

  /**
   * The applied items of a batch with the data of their results, by user, kind and id, and the call over HTTP that sent it.
   *
   * @param batchId a UUID
   * @throws PincexError `invalid_argument`
   */
  async getBatch(batchId: string, options?: PageOptions): Promise<BatchLookup> {
    if (!isUuid(batchId)) {
      throw new PincexError('invalid_argument', `batchId must be a UUID: got ${describe(batchId)}`);
    }
    const known = readOptions('getBatch', options, PAGE);
    const id = batchId.toLowerCase();
    return this.#read('look_up_batch', async (session) => ({
      call: await readBatchCall(session, id),
      ...(await readBatchOperationPage(session, id, known)),
    }));
  }

  /** All accounts added up by currency. It reads every account, so its time grows with their number. */
  async getTotals(): Promise<CurrencyTotals[]> {
    return this.#read('get_totals', readTotals);
  }

  async #requireMarket(symbol: string | undefined): Promise<void> {
    if (symbol !== undefined) await this.#codes.requireMarkets([requireKey('symbol', symbol)]);
  }

  #read<Found extends object>(
    operation: ReadOperation,
    read: (session: Session) => Promise<Found>,
  ): Promise<Found> {
    return this.#repository.readDirectly(operation, 1, read);
  }
}

refuseSurplus(Lookup);

const page = { limit: true, cursor: true } as const;
const range = { ...page, from: true, to: true } as const;
const AT = namesOf<{ at?: string | null }>({ at: true });
const PAGE = namesOf<PageOptions>(page);
const RANGE = namesOf<PageOptions & TimeRange>(range);
const ORDERS = namesOf<PageOptions & OrderFilter>({ ...range, statuses: true, symbol: true });
const TRADES = namesOf<PageOptions & TradeFilter>({ ...range, symbol: true });
