import type { Fetch } from './platform.ts';
import { HttpRowStream, type RowStream, type StreamOptions } from './stream.ts';
import { Transport, type CallOptions } from './transport.ts';
import type {
  Account,
  AnswerOf,
  BatchMode,
  BatchOutcome,
  BatchResult,
  BodyOf,
  CancelOrder,
  CreateAccount,
  CreateOrder,
  Deposit,
  EndOutcome,
  Funds,
  GetRoute,
  ItemsOf,
  JournalEntry,
  Limits,
  LockFunds,
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
  /** Where the service is, such as `https://pincex.example`; a path is kept. */
  readonly url: string;
  /** The API key, `pincex_…`. */
  readonly key: string;
  /** Default: that of the platform. */
  readonly fetch?: Fetch | undefined;
  /** How often a call is tried again. Default: 3. */
  readonly maxRetries?: number | undefined;
  /** How long a call may take, with its retries. Default: 30,000. `Infinity`: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether the key may go in clear, by `http://`, to another machine. Default: false, only to this one, since whoever is on
   * the way can read the key.
   */
  readonly allowHttp?: boolean | undefined;
}

/** What every batch that changes the books takes. */
export interface WriteOptions extends CallOptions {
  /** Default: `partial`. */
  readonly mode?: BatchMode | undefined;
  /**
   * A UUID, to ask for the outcome of the batch by: see {@link PincexClient.getBatch}. Default: a new one for each
   * call; none where `idempotencyKey` is given, since the same call would then have other content each time.
   */
  readonly batchId?: string | undefined;
  /** Of your own, to send the call again from another process. Default: `batchId`. */
  readonly idempotencyKey?: string | undefined;
}

export interface ReadOptions extends CallOptions {
  /** Past every cache and replica: what was written before is seen. */
  readonly fresh?: boolean | undefined;
}

export interface VersionOptions extends CallOptions {
  /** The versions that are known, in the order of what is asked for: these or newer ones are returned. */
  readonly minVersions?: readonly (number | null)[] | undefined;
}

export interface UserOrdersOptions extends ReadOptions {
  /** Only orders in these. Default: all. */
  readonly statuses?: readonly Order['status'][] | undefined;
  /** Only of this market. */
  readonly symbol?: string | undefined;
  /** For each user, 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined;
}

/**
 * Calls the HTTP service, from Node.js and browsers. Methods have the names that the library has for the same.
 *
 * A call that failed for a reason that may pass is tried again: with pauses that grow, never before the service asked
 * for it, and not beyond the time of the call. Each write carries an idempotency key, the same in every attempt, so it
 * is done once, however often it was sent.
 *
 * Every method fails with {@link PincexClientError}, and with the reason of its `signal` where that was aborted. An
 * atomic batch that was rejected is no failure of the call: its result is returned, as that of any other batch.
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
  readonly #transport: Transport;

  /** @throws TypeError where an option is wrong, or none that is known */
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
    if (!/^https?:$/.test(protocol)) throw new TypeError('url begins with http:// or https://');
    if (protocol === 'http:' && !isThisMachine(hostname) && !allowHttp)
      throw new TypeError(
        `url sends the key in clear to ${hostname}: give an https:// URL, or { allowHttp: true } where nobody is on the way`,
      );
    // It is not repeated: a password is a secret.
    if (username !== '' || password !== '')
      throw new TypeError('url has no name and no password: the key is enough');
    if (search !== '' || hash !== '')
      throw new TypeError(`url is followed by paths: it has no ${search}${hash}`);
    // Whatever it is, it may be a part of a secret.
    if (!/^pincex_\w+$/.test(key)) throw new TypeError('key is an API key, pincex_<id>_<secret>');
    if (!(Number.isInteger(maxRetries) && maxRetries >= 0))
      throw new TypeError(`maxRetries is a whole number from 0: got ${maxRetries}`);
    this.#transport = new Transport({
      url: (origin + pathname).replace(/\/+$/, ''),
      key,
      // Browsers take it for nobody's method.
      fetch: (input, init) => fetch(input, init),
      maxRetries,
      timeoutMs,
    });
  }

  /** Opens empty accounts. */
  batchCreateAccounts(
    accounts: readonly CreateAccount[],
    options?: WriteOptions,
  ): Promise<BatchResult<Funds>> {
    return this.#write('/v1/accounts/batch-create', accounts, options);
  }

  /** Brings money in. */
  batchDeposit(deposits: readonly Deposit[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-deposit', deposits, options);
  }

  /** Takes money out. */
  batchWithdraw(withdrawals: readonly Withdraw[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-withdraw', withdrawals, options);
  }

  /** Passes money on from user to user. */
  batchTransfer(transfers: readonly Transfer[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-transfer', transfers, options);
  }

  /** Locks available funds for orders. */
  batchLockFunds(operations: readonly LockFunds[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-lock', operations, options);
  }

  /** Gives locked funds back. */
  batchUnlockFunds(operations: readonly UnlockFunds[], options?: WriteOptions): Promise<BatchResult<Funds>> {
    return this.#write('/v1/funds/batch-unlock', operations, options);
  }

  /** Stores orders whose funds are held elsewhere. */
  batchCreateOrders(
    orders: readonly CreateOrder[],
    options?: WriteOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#write('/v1/orders/batch-create', orders, options);
  }

  /** Moves orders on in their states. */
  batchUpdateOrderStatus(
    updates: readonly UpdateOrderStatus[],
    options?: WriteOptions,
  ): Promise<BatchResult<OrderOutcome>> {
    return this.#write('/v1/orders/batch-status', updates, options);
  }

  /** Holds the funds of orders and stores them. */
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

  /** Cancels orders and gives back what they hold. */
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
   * What became of a batch, however the call that made it ended. A batch that was interrupted is sent again to be
   * certain of all of it.
   *
   * @throws PincexClientError `not_found`: this key has made no such batch, or its outcome has expired
   */
  async getBatch(batchId: string, options?: CallOptions): Promise<BatchOutcome> {
    const call = { method: 'GET', path: `/v1/batches/${encodeURIComponent(batchId)}`, batchId } as const;
    return (await this.#transport.send(call, options)) as BatchOutcome;
  }

  /** For each user in turn one account for each currency in turn, null where there is none. */
  async batchGetAccounts(
    userIds: readonly string[],
    currencies: readonly string[],
    { minVersions, ...options }: VersionOptions = {},
  ): Promise<readonly (Account | null)[]> {
    const body = { userIds, currencies, ...(minVersions && { minVersions }) };
    return this.#read('/v1/accounts/batch-get', 'accounts', body, options);
  }

  /**
   * The orders with these ids, in their order, null where there is none. `{ userId, id }` names one order; an id alone does
   * as long as no other user has an order of that id, and is refused as `ambiguous_id` then.
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
   * What stands in the books, aggregated by price.
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

  /** All orders that stand in the books of these markets, each side in price-time priority. */
  async batchGetOpenOrders(
    symbols: readonly string[],
    options: CallOptions = {},
  ): Promise<readonly OpenOrders[]> {
    return this.#read('/v1/orders/open/batch-get', 'openOrders', { symbols }, options);
  }

  /**
   * The statement of each account: its newest journal entries, newest first. It goes on from `before`, the version of the
   * last entry of an earlier page.
   */
  async batchGetAccountStatements(
    accounts: readonly StatementKey[],
    { signal, timeoutMs, ...page }: { readonly limit?: number | undefined } & ReadOptions = {},
  ): Promise<readonly (readonly JournalEntry[])[]> {
    const body = { accounts, ...page } as BodyOf<'/v1/accounts/statements/batch-get'>;
    return this.#read('/v1/accounts/statements/batch-get', 'statements', body, { signal, timeoutMs });
  }

  /** What one call may bring. */
  async limits(options?: CallOptions): Promise<Limits> {
    return (await this.#transport.send({ method: 'GET', path: '/v1/limits' }, options)) as Limits;
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

  /** Every step of every account, by user, currency and version. */
  streamJournal(options?: StreamOptions): RowStream<JournalEntry> {
    return this.#stream('/v1/stream/journal', options);
  }

  /** Every item that was applied, and who sent it, by user, kind and id. */
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
      // What is undefined is left away.
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

/** One that is misspelt would be passed over. */
function requireKnown(options: object): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTIONS, name));
  if (unknown === undefined) return;
  const takes = Object.keys(OPTIONS).join(', ');
  throw new TypeError(`${JSON.stringify(unknown)} is not an option of PincexClient: it takes ${takes}`);
}

/** What a call and its batch are known by. To a key of the caller's own the content belongs, so nothing is added to it. */
function namesOf(
  batchId?: string,
  key?: string,
): { readonly batchId: string | undefined; readonly key: string } {
  if (batchId !== undefined && !UUID.test(batchId))
    throw new TypeError(`batchId is a UUID: got ${JSON.stringify(batchId)}`);
  if (key !== undefined) return { batchId, key };
  const id = batchId ?? crypto.randomUUID();
  return { batchId: id, key: id };
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** As a String of structured fields (RFC 8941). */
function quoted(key: string): string {
  if (/^[\x20-\x7e]+$/.test(key)) return `"${key.replace(/["\\]/g, '\\$&')}"`;
  throw new TypeError('An idempotency key has one or more characters, all of printable ASCII');
}

const isThisMachine = (hostname: string): boolean =>
  /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
