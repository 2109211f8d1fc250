import type { paths } from './schema.ts';
import type { CallOptions, Transport } from './transport.ts';
import type {
  Account,
  BatchLookup,
  CurrencyTotals,
  Hold,
  JournalEntry,
  Order,
  OrderLookup,
  Page,
  Trade,
  TradeLookup,
  Transaction,
} from './types.ts';

export interface PageOptions extends CallOptions {
  /** How many rows to return, 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined;
  /** `older` or `newer` of another page of the same list. Default: begins with the newest row. */
  readonly cursor?: string | null | undefined;
}

export interface RangeOptions extends PageOptions {
  /** Only rows from this time on, ISO 8601. */
  readonly from?: string | null | undefined;
  /** Only rows before this time, ISO 8601. */
  readonly to?: string | null | undefined;
}

/** What support asks for: the histories of users, accounts, orders and batches, in pages, newest first. */
export class ClientLookup {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The accounts of a user, by currency: as they are, or as they were at a time (ISO 8601). */
  async getAccounts(
    userId: string,
    options: CallOptions & { readonly at?: string | null | undefined } = {},
  ): Promise<readonly Account[]> {
    const path = `${user(userId)}/accounts`;
    return (await this.#get<AnswerOf<'/v1/users/{userId}/accounts'>>(path, options, 'accounts')).accounts;
  }

  /** The journal entries of an account, newest first. */
  listEntries(userId: string, currency: string, options?: RangeOptions): Promise<Page<JournalEntry>> {
    return this.#page(`${user(userId)}/accounts/${encodeURIComponent(currency)}/entries`, 'entries', options);
  }

  /** The open holds of a user, the last order ids first. */
  listHolds(userId: string, options?: PageOptions): Promise<Page<Hold>> {
    return this.#page(`${user(userId)}/holds`, 'holds', options);
  }

  /** The open holds of a user for an order: one for each currency. */
  async getHolds(userId: string, orderId: string, options?: CallOptions): Promise<readonly Hold[]> {
    const path = `${user(userId)}/holds/${encodeURIComponent(orderId)}`;
    return (await this.#get<AnswerOf<'/v1/users/{userId}/holds/{orderId}'>>(path, options, 'holds')).holds;
  }

  /** The orders of a user, newest first. */
  listOrders(
    userId: string,
    options: RangeOptions & {
      readonly statuses?: readonly Order['status'][] | undefined;
      readonly symbol?: string | undefined;
    } = {},
  ): Promise<Page<Order>> {
    const { statuses, ...rest } = options;
    const filter = { ...rest, ...(statuses && { status: statuses.join(',') }) };
    return this.#page(`${user(userId)}/orders`, 'orders', filter);
  }

  /** The trades of a user, newest first. */
  listTrades(
    userId: string,
    options?: RangeOptions & { readonly symbol?: string | undefined },
  ): Promise<Page<Trade>> {
    return this.#page(`${user(userId)}/trades`, 'trades', options);
  }

  /** The trades of an order, newest first. */
  listOrderTrades(userId: string, orderId: string, options?: PageOptions): Promise<Page<Trade>> {
    return this.#page(`${user(userId)}/orders/${encodeURIComponent(orderId)}/trades`, 'trades', options);
  }

  /** The deposits, withdrawals and transfers that a user made, newest first. */
  listTransactions(userId: string, options?: RangeOptions): Promise<Page<Transaction>> {
    return this.#page(`${user(userId)}/transactions`, 'transactions', options);
  }

  /** An order with the funds that it holds, and the item that made it. */
  getOrder(userId: string, orderId: string, options?: CallOptions): Promise<OrderLookup> {
    return this.#get(`${user(userId)}/orders/${encodeURIComponent(orderId)}`, options);
  }

  /** The orders with this id, of whichever users; at most 100. */
  async findOrders(orderId: string, options?: CallOptions): Promise<readonly Order[]> {
    const path = `/v1/orders/${encodeURIComponent(orderId)}`;
    return (await this.#get<AnswerOf<'/v1/orders/{orderId}'>>(path, options, 'orders')).orders;
  }

  /** The sides of the trades with this id, of whichever users, and the items that settled them. */
  getTrade(tradeId: string, options?: CallOptions): Promise<TradeLookup> {
    return this.#get(`/v1/trades/${encodeURIComponent(tradeId)}`, options, 'trades');
  }

  /** The applied items of a batch, and the call that sent it. */
  async getBatch(batchId: string, options?: PageOptions): Promise<BatchLookup> {
    const path = `/v1/batches/${encodeURIComponent(batchId)}/operations`;
    const answer = await this.#get<AnswerOf<'/v1/batches/{batchId}/operations'>>(path, options, 'operations');
    const { operations: rows, ...rest } = answer;
    return { rows, ...rest };
  }

  /** All accounts added up by currency. */
  async getTotals(options?: CallOptions): Promise<readonly CurrencyTotals[]> {
    return (await this.#get<AnswerOf<'/v1/totals'>>('/v1/totals', options, 'totals')).totals;
  }

  async #page<Row>(path: string, list: string, options?: PageOptions): Promise<Page<Row>> {
    const answer = await this.#get<Record<string, readonly Row[]> & Pick<Page<Row>, 'older' | 'newer'>>(
      path,
      options,
      list,
    );
    return { rows: answer[list] ?? [], older: answer.older, newer: answer.newer };
  }

  /** Options other than those of the call are parameters of the query. */
  async #get<Answer>(path: string, options: CallOptions = {}, list?: string): Promise<Answer> {
    const { signal, timeoutMs, ...parameters } = options as CallOptions & QueryParameters;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters))
      if (value !== undefined && value !== null) query.set(name, String(value));
    const asked = query.size === 0 ? path : `${path}?${query.toString()}`;
    const call = { method: 'GET', path: asked, list } as const;
    return (await this.#transport.send(call, { signal, timeoutMs })) as Answer;
  }
}

/** The parameters of a query. */
type QueryParameters = Readonly<Record<string, string | number | null | undefined>>;

const user = (userId: string): string => `/v1/users/${encodeURIComponent(userId)}`;

type AnswerOf<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Answer } } } };
}
  ? Answer
  : never;
