import { liveEvents, type LiveOptions } from './live.ts';
import type { Fetch } from './platform.ts';
import { ClientLookup } from './lookup.ts';
import { HttpRowStream, type RowStream, type StreamOptions } from './stream.ts';
import { Transport, type CallOptions } from './transport.ts';
import type {
  Account,
  Alert,
  AnswerOf,
  BatchMode,
  BatchOutcome,
  BatchResult,
  BodyOf,
  CancelOrder,
  CreateAccount,
  CreateOrder,
  DatabaseState,
  Deposit,
  EndOutcome,
  Funds,
  GetRoute,
  ItemsOf,
  JournalEntry,
  Limits,
  LiveEvent,
  LockFunds,
  Market,
  MixedItem,
  Order,
  OpenOrders,
  OrderKey,
  OrderBook,
  Operation,
  OrderOutcome,
  PlaceOrder,
  PlaceOutcome,
  PostRoute,
  RowOf,
  SettleTrade,
  StatementKey,
  Trade,
  TradeOutcome,
  Transfer,
  UnlockFunds,
  UpdateOrderStatus,
  Withdraw,
  WriteRoute,
} from './types.ts';

export interface PincexClientOptions {
  /** The base URL of the service, such as `https://pincex.example`. It may have a path. */
  readonly url: string;
  /** The API key, `pincex_…`. */
  readonly key: string;
  /** Sends the requests. Default: the `fetch` of the platform. */
  readonly fetch?: Fetch | undefined;
  /** How often a failed call is retried. Default: 3. */
  readonly maxRetries?: number | undefined;
  /** How long a call may take, with its retries. Default: 30,000. `Infinity`: no limit. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether the key may be sent in clear, by `http://`, to another machine. Default: false, since everybody on the network
   * path can read it. To this machine `http://` is always allowed.
   */
  readonly allowHttp?: boolean | undefined;
}

/** The options of every batch that changes the books. */
export interface WriteOptions extends CallOptions {
  /** Default: `partial`. */
  readonly mode?: BatchMode | undefined;
  /**
   * A UUID that names the batch, for {@link PincexClient.getBatch}. Default: a new one for each call. If `idempotencyKey` is
   * given, the default is none: a new one would change the content of the call each time it is sent again.
   */
  readonly batchId?: string | undefined;
  /** A key of your own, with which another process can send the same call again. Default: `batchId`. */
  readonly idempotencyKey?: string | undefined;
}

export interface ReadOptions extends CallOptions {
  /** Reads from the primary, past every cache and replica, so that all earlier writes are seen. */
  readonly fresh?: boolean | undefined;
}

export interface VersionOptions extends CallOptions {
  /** The versions that the caller knows, in the order of the keys: each row is returned in this version or a newer one. */
  readonly minVersions?: readonly (number | null)[] | undefined;
}

export interface UserOrdersOptions extends ReadOptions {
  /** Only orders in these states. Default: all states. */
  readonly statuses?: readonly Order['status'][] | undefined;
  /** Only orders of this market. Default: all markets. */
  readonly symbol?: string | undefined;
  /** How many of each user's newest orders to return, 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined;
}

/**
 * Calls the HTTP service, from Node.js and browsers. Its methods have the names of the library's methods.
 *
 * A call that failed for a transient reason is retried with growing pauses, never earlier than the service's `Retry-After`,
 * and not beyond the time of the call. Each write carries an idempotency key, the same in every attempt, so it is done once,
 * however often it is sent.
 *
 * Every method fails with {@link PincexClientError}, or with the reason of its `signal` if that was aborted. A rejected
 * atomic batch is not a failure of the call: its result is returned like that of any other batch.
 *
 * @example
 * ```ts
 * const client = new PincexClient({ url: 'https://pincex.example', key: 'pincex_0123456789abcdef_secret' });
 * const { results } = await client.batchLockFunds([
 *   { id: 'l1', userId: 'alice', currency: 'USD', amount: '10.5', orderId: 'o1' },
 * ]);
 * ```
 */
export class PincexClient {
  /** What support asks for: histories in pages. */
  readonly lookup: ClientLookup;
  readonly #transport: Transport;

  /** @throws TypeError if an option is wrong or unknown */
  constructor(options: PincexClientOptions) {
    requireKnown(options);
    const {
      url,
      key,
      fetch = globalThis.fetch,
      maxRetries = 3,
      timeoutMs = 30_000,
      allowHttp = false,
    } = options;
    const { protocol, origin, hostname, pathname, username, password, search, hash } = new URL(url);
    if (!/^https?:$/.test(protocol)) throw new TypeError('url must begin with http:// or https://');
    if (protocol === 'http:' && !isThisMachine(hostname) && !allowHttp)
      throw new TypeError(
        `url sends the key in clear to ${hostname}: give an https:// URL, or { allowHttp: true } if the network is trusted`,
      );
    // The message does not repeat the URL, since a password is a secret.
    if (username !== '' || password !== '')
      throw new TypeError('url must have no name and no password: the key is enough');
    if (search !== '' || hash !== '')
      throw new TypeError(
        `url must have no query and no fragment, since paths are appended to it: got ${search}${hash}`,
      );
    // The message does not repeat the text, which may be a part of a secret.
    if (!/^pincex_\w+$/.test(key)) throw new TypeError('key must be an API key, pincex_<id>_<secret>');
    if (!(Number.isInteger(maxRetries) && maxRetries >= 0))
      throw new TypeError(`maxRetries must be a whole number from 0: got ${maxRetries}`);
    this.#transport = new Transport({
      url: (origin + pathname).replace(/\/+$/, ''),
      key,
      // A browser's `fetch` throws "Illegal invocation" if it is called as a method of another object.
      fetch: (input, init) => fetch(input, init),
      maxRetries,
      timeoutMs,
    });
    this.lookup = new ClientLookup(this.#transport);
  }

  /** Opens accounts without money. */
  batchCreateAccounts(
    accounts: readonly CreateAccount[],
    options?: WriteOptions,
  ): Promise<BatchResult<Funds>> {
    return this.#write('/v1/accounts/batch-create', accounts, options);
  }

  /** Pays money in from outside. */
  batchDeposit(deposits: readonly Deposit[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-deposit', deposits, options);
  }

  /** Pays money out. */
  batchWithdraw(withdrawals: readonly Withdraw[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-withdraw', withdrawals, options);
  }

  /** Moves money between users. */
  batchTransfer(transfers: readonly Transfer[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-transfer', transfers, options);
  }

  /** Locks available funds for orders. */
  batchLockFunds(operations: readonly LockFunds[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-lock', operations, options);
  }

  /** Makes locked funds available again. */
  batchUnlockFunds(operations: readonly UnlockFunds[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-unlock', operations, options);
  }

  /** Stores orders without holding their funds. */
  batchCreateOrders(
    orders: readonly CreateOrder[],
    options?: WriteOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#write('/v1/orders/batch-create', orders, options);
  }

  /** Changes the states of orders. */
  batchUpdateOrderStatus(
    updates: readonly UpdateOrderStatus[],
    options?: WriteOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#write('/v1/orders/batch-status', updates, options);
  }

  /** Places orders: holds their funds and stores them. */
  batchPlaceOrders(
    orders: readonly PlaceOrder[],
    options?: WriteOptions,
  ): Promise<BatchResult<PlaceOutcome>> {
    return this.#write('/v1/orders/batch-place', orders, options);
  }

  /**
   * The earlier name of {@link batchPlaceOrders}.
   *
   * @deprecated It goes with version 1.0.
   */
  placeOrders(orders: readonly PlaceOrder[], options?: WriteOptions): Promise<BatchResult<PlaceOutcome>> {
    return this.batchPlaceOrders(orders, options);
  }

  /** Cancels orders and releases their holds. */
  batchCancelOrders(
    cancels: readonly CancelOrder[],
    options?: WriteOptions,
  ): Promise<BatchResult<EndOutcome>> {
    return this.#write('/v1/orders/batch-cancel', cancels, options);
  }

  /**
   * The earlier name of {@link batchCancelOrders}.
   *
   * @deprecated It goes with version 1.0.
   */
  cancelOrders(cancels: readonly CancelOrder[], options?: WriteOptions): Promise<BatchResult<EndOutcome>> {
    return this.batchCancelOrders(cancels, options);
  }

  /** Settles trades between two orders. */
  batchSettleTrades(
    trades: readonly SettleTrade[],
    options?: WriteOptions,
  ): Promise<BatchResult<TradeOutcome>> {
    return this.#write('/v1/trades/batch-settle', trades, options);
  }

  /**
   * The earlier name of {@link batchSettleTrades}.
   *
   * @deprecated It goes with version 1.0.
   */
  settleTrades(trades: readonly SettleTrade[], options?: WriteOptions): Promise<BatchResult<TradeOutcome>> {
    return this.batchSettleTrades(trades, options);
  }

  /** Runs a batch that mixes commands; each item names its `command`. */
  execute(items: readonly MixedItem[], options?: WriteOptions): Promise<AnswerOf<'/v1/batches'>> {
    return this.#write('/v1/batches', items, options);
  }

  /**
   * The outcome of a batch, however the call that sent it ended. If the batch was interrupted, send it again to make sure
   * that all of it is done.
   *
   * @throws PincexClientError `not_found`: this API key has sent no such batch, or its outcome has expired
   */
  async getBatch(batchId: string, options?: CallOptions): Promise<BatchOutcome> {
    const call = { method: 'GET', path: `/v1/batches/${encodeURIComponent(batchId)}`, batchId } as const;
    return (await this.#transport.send(call, options)) as BatchOutcome;
  }

  /** For each user in turn one account for each currency in turn; null for an account that does not exist. */
  async batchGetAccounts(
    userIds: readonly string[],
    currencies: readonly string[],
    { minVersions, ...options }: VersionOptions = {},
  ): Promise<readonly (Account | null)[]> {
    const body = { userIds, currencies, ...(minVersions && { minVersions }) };
    return this.#read('/v1/accounts/batch-get', 'accounts', body, options);
  }

  /**
   * The orders in the order of their keys; null for an order that does not exist. `{ userId, id }` names one order. An id alone
   * is refused as `ambiguous_id` if several users have an order of that id.
   */
  async batchGetOrdersByIds(
    ids: readonly OrderKey[],
    { minVersions, ...options }: VersionOptions = {},
  ): Promise<readonly (Order | null)[]> {
    const body = { ids, ...(minVersions && { minVersions }) };
    return this.#read('/v1/orders/batch-get', 'orders', body, options);
  }

  /** The newest orders of each user: a list for every user, in the order of the users. */
  async batchGetUserOrders(
    userIds: readonly string[],
    { signal, timeoutMs, ...filter }: UserOrdersOptions = {},
  ): Promise<readonly (readonly Order[])[]> {
    const body = { userIds, ...filter } as BodyOf<'/v1/users/orders/batch-get'>;
    return this.#read('/v1/users/orders/batch-get', 'orders', body, { signal, timeoutMs });
  }

  /** The trades of each order, oldest first: a list for every order, in the order of the ids. */
  async batchGetTradesByOrderIds(
    orderIds: readonly OrderKey[],
    { fresh, ...options }: ReadOptions = {},
  ): Promise<readonly (readonly Trade[])[]> {
    const body = { orderIds, ...(fresh !== undefined && { fresh }) };
    return this.#read('/v1/trades/batch-get', 'trades', body, options);
  }

  /**
   * The order books of markets, aggregated by price.
   *
   * @param depth price levels on each side, 1 to 1,000
   */
  async batchGetOrderBooks(
    symbols: readonly string[],
    depth = 20,
    options: CallOptions = {},
  ): Promise<readonly OrderBook[]> {
    return this.#read('/v1/order-books/batch-get', 'orderBooks', { symbols, depth }, options);
  }

  /** The markets by their symbols; those that the key is bound to if it is bound to some. */
  async getMarkets(options?: CallOptions): Promise<readonly Market[]> {
    const call = { method: 'GET', path: '/v1/markets', list: 'markets' } as const;
    return ((await this.#transport.send(call, options)) as AnswerOf<'/v1/markets'>).markets;
  }

  /** All orders in the books of these markets, each side in price-time priority. */
  async batchGetOpenOrders(
    symbols: readonly string[],
    options: CallOptions = {},
  ): Promise<readonly OpenOrders[]> {
    return this.#read('/v1/orders/open/batch-get', 'openOrders', { symbols }, options);
  }

  /**
   * The statement of each account: its newest journal entries, newest first. For the next page, give the version of the last
   * entry as `before`.
   */
  async batchGetAccountStatements(
    accounts: readonly StatementKey[],
    { signal, timeoutMs, ...page }: { readonly limit?: number | undefined } & ReadOptions = {},
  ): Promise<readonly (readonly JournalEntry[])[]> {
    const body = { accounts, ...page } as BodyOf<'/v1/accounts/statements/batch-get'>;
    return this.#read('/v1/accounts/statements/batch-get', 'statements', body, { signal, timeoutMs });
  }

  /** The limits of the service, such as the most items of one call. */
  async limits(options?: CallOptions): Promise<Limits> {
    return (await this.#transport.send({ method: 'GET', path: '/v1/limits' }, options)) as Limits;
  }

  /** The alerts: those that fire, then the pending and the resolved ones, each the newest first. */
  async getAlerts(options?: CallOptions): Promise<readonly Alert[]> {
    const call = { method: 'GET', path: '/v1/alerts', list: 'alerts' } as const;
    return ((await this.#transport.send(call, options)) as AnswerOf<'/v1/alerts'>).alerts;
  }

  /**
   * Notes who has seen an alert that fires or was resolved. The first one to acknowledge it stays.
   *
   * @param by the name of the person
   */
  async acknowledgeAlert(id: string, by: string, options?: CallOptions): Promise<Alert> {
    const path = `/v1/alerts/${encodeURIComponent(id)}/acknowledge`;
    const call = { method: 'POST', path, body: JSON.stringify({ by }) } as const;
    return (await this.#transport.send(call, options)) as Alert;
  }

  /** The findings of the doctor with their remedies, the use of each index, and the last audit. */
  async getDatabase(options?: CallOptions): Promise<DatabaseState> {
    return (await this.#transport.send({ method: 'GET', path: '/v1/database' }, options)) as DatabaseState;
  }

  /**
   * The figures of the service as they change: a `history` first, then a `picture` every two seconds. If the connection breaks or
   * the service ends, which it tells by `closing`, the client connects again and goes on with a new `history`. Leaving the loop
   * ends it.
   *
   * @example
   * ```ts
   * for await (const { event, data } of client.live())
   *   if (event === 'picture') console.log(data.metrics.windows.minute.p99Ms);
   * ```
   */
  live(options: LiveOptions = {}): AsyncGenerator<LiveEvent, void> {
    return liveEvents(this.#transport, options);
  }

  /** Every account, by user and currency. */
  streamAccounts(options?: StreamOptions): RowStream<Account> {
    return this.#stream('/v1/stream/accounts', options);
  }

  /** Every order, by user and id. */
  streamOrders(options?: StreamOptions): RowStream<Order> {
    return this.#stream('/v1/stream/orders', options);
  }

  /** Both sides of every trade, by user, id and side. */
  streamTrades(options?: StreamOptions): RowStream<Trade> {
    return this.#stream('/v1/stream/trades', options);
  }

  /** Every journal entry of every account, by user, currency and version. */
  streamJournal(options?: StreamOptions): RowStream<JournalEntry> {
    return this.#stream('/v1/stream/journal', options);
  }

  /** Every item that was applied, with its sender, by user, kind and id. */
  streamOperations(options?: StreamOptions): RowStream<Operation> {
    return this.#stream('/v1/stream/operations', options);
  }

  async #write<Route extends WriteRoute>(
    path: Route,
    items: ItemsOf<Route>,
    { mode, batchId, idempotencyKey, ...options }: WriteOptions = {},
  ): Promise<AnswerOf<Route>> {
    const names = namesOf(batchId, idempotencyKey);
    const call = {
      method: 'POST',
      path,
      list: 'results',
      // `JSON.stringify` leaves out fields that are undefined.
      body: JSON.stringify({ items, mode, batchId: names.batchId }),
      headers: { 'idempotency-key': quoted(names.key) },
      batchId: names.batchId,
    } as const;
    return (await this.#transport.send(call, options)) as AnswerOf<Route>;
  }

  async #read<Route extends PostRoute, List extends keyof AnswerOf<Route> & string>(
    path: Route,
    list: List,
    body: BodyOf<Route>,
    options: CallOptions,
  ): Promise<AnswerOf<Route>[List]> {
    const call = { method: 'POST', path, list, body: JSON.stringify(body) } as const;
    return ((await this.#transport.send(call, options)) as AnswerOf<Route>)[list];
  }

  #stream<Route extends GetRoute>(path: Route, options: StreamOptions = {}): RowStream<RowOf<Route>> {
    return new HttpRowStream(this.#transport, path, options);
  }
}

const OPTIONS: Readonly<Record<keyof PincexClientOptions, true>> = {
  url: true,
  key: true,
  fetch: true,
  maxRetries: true,
  timeoutMs: true,
  allowHttp: true,
};

/** Refuses unknown options, so that a misspelt one is not ignored. */
function requireKnown(options: object): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTIONS, name));
  if (unknown === undefined) return;
  const takes = Object.keys(OPTIONS).join(', ');
  throw new TypeError(`${JSON.stringify(unknown)} is not an option of PincexClient: it takes ${takes}`);
}

/**
 * The id of the batch and the idempotency key of a call. If the caller gives a key but no id, the batch gets none: the service
 * compares the content of calls with the same key, and a random id would make it differ.
 */
function namesOf(
  batchId?: string,
  key?: string,
): { readonly batchId: string | undefined; readonly key: string } {
  if (batchId !== undefined && !UUID.test(batchId))
    throw new TypeError(`batchId must be a UUID: got ${JSON.stringify(batchId)}`);
  if (key !== undefined) return { batchId, key };
  const id = batchId ?? crypto.randomUUID();
  return { batchId: id, key: id };
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Encodes the key as a String of structured fields (RFC 8941). */
function quoted(key: string): string {
  if (/^[\x20-\x7e]+$/.test(key)) return `"${key.replace(/["\\]/g, '\\$&')}"`;
  throw new TypeError('idempotencyKey must have one or more characters, all of printable ASCII');
}

const isThisMachine = (hostname: string): boolean =>
  /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
