import type { components, paths } from './schema.ts';

/** Names for the types of requests and answers. Amounts are decimal strings throughout. */

type Schemas = components['schemas'];

/** A problem document (RFC 9457): the reason why a call failed. */
export type Problem = Schemas['Problem'];

export type CreateAccount = Schemas['CreateAccount'];
export type Deposit = Schemas['Deposit'];
export type Withdraw = Schemas['Withdraw'];
export type Transfer = Schemas['Transfer'];
export type LockFunds = Schemas['LockFunds'];
export type UnlockFunds = Schemas['UnlockFunds'];
export type CreateOrder = Schemas['CreateOrder'];
export type PlaceOrder = Schemas['PlaceOrder'];
export type CancelOrder = Schemas['CancelOrder'];
export type UpdateOrderStatus = Schemas['UpdateOrderStatus'];
export type SettleTrade = Schemas['SettleTrade'];
/** Any of these items, with its `command`. */
export type MixedItem = Schemas['MixedItem'];

export type Funds = Schemas['Funds'];
export type OrderOutcome = Schemas['OrderOutcome'];
export type PlaceOutcome = Schemas['PlaceOutcome'];
export type EndOutcome = Schemas['EndOutcome'];
export type TradeOutcome = Schemas['TradeOutcome'];
export type ItemError = Schemas['ItemError'];

export type Account = Schemas['Account'];
export type Alert = Schemas['Alert'];
export type DatabaseState = Schemas['DatabaseState'];
export type Order = Schemas['Order'];
export type Trade = Schemas['Trade'];
export type JournalEntry = Schemas['JournalEntry'];
export type Operation = Schemas['Operation'];
/** An applied item with the data of its result. */
export type OperationOutcome = Schemas['OperationOutcome'];
export type Hold = Schemas['Hold'];
export type Transaction = Schemas['Transaction'];
export type CurrencyTotals = Schemas['CurrencyTotals'];
/** The call over HTTP that sent a batch. */
export type BatchCall = Schemas['BatchCall'];

/** Rows of a list, newest first, with cursors to the pages beside them. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Leads to the next older rows; `null`: there are none. */
  readonly older: string | null;
  /** Leads to the next newer rows; `null`: these are the newest. */
  readonly newer: string | null;
}

/** An order, the funds that it holds, and the item that made it. */
export interface OrderLookup {
  readonly order: Order;
  readonly holds: readonly Hold[];
  readonly operation: OperationOutcome | null;
}

/** The sides of a trade, and the items that settled it. */
export interface TradeLookup {
  readonly trades: readonly Trade[];
  readonly operations: readonly OperationOutcome[];
}

/** The applied items of a batch, and the call that sent it. */
export interface BatchLookup extends Page<OperationOutcome> {
  readonly call: BatchCall | null;
}

/** Names an account whose statement is asked for, and the version before which the page begins. */
export interface StatementKey {
  readonly userId: string;
  readonly currency: string;
  readonly before?: number | null | undefined;
}
/** An order by its user and its id, or by its id alone. */
export type OrderKey = string | { readonly userId: string; readonly id: string };
export type Market = Schemas['Market'];
export type OrderBook = Schemas['OrderBook'];
export type OpenOrders = Schemas['OpenOrders'];

type Batch = Schemas['MixedResult'];
export type BatchMode = Batch['mode'];

/** The outcome of one item. */
export type ItemResult<Data> =
  | Exclude<Batch['results'][number], { readonly data: unknown }>
  | (Omit<Extract<Batch['results'][number], { readonly data: unknown }>, 'data'> & { readonly data: Data });

/** The outcome of a batch: one result for each item, in the order of the request. */
export type BatchResult<Data> = Omit<Batch, 'results'> & {
  /** One for each item, in the order of the request. */
  readonly results: readonly ItemResult<Data>[];
};

/** The routes with a method. */
type RouteOf<Method extends 'get' | 'post'> = {
  [Path in keyof paths]: paths[Path] extends Record<Method, object> ? Path : never;
}[keyof paths];

export type PostRoute = RouteOf<'post'>;
export type GetRoute = RouteOf<'get'>;

/** The body that a route takes. */
export type BodyOf<Route extends PostRoute> = paths[Route] extends {
  readonly post: { readonly requestBody: { readonly content: { readonly 'application/json': infer Body } } };
}
  ? Body
  : never;

/** The items that the route of a batch takes. */
export type ItemsOf<Route extends WriteRoute> =
  BodyOf<Route> extends { readonly items: infer Items } ? Items : never;

/** The routes of batches that change the books. */
export type WriteRoute = {
  [Route in PostRoute]: BodyOf<Route> extends { readonly items: unknown } ? Route : never;
}[PostRoute];

interface Json<Status extends number, Body> {
  readonly responses: Readonly<Record<Status, { readonly content: { readonly 'application/json': Body } }>>;
}

/** The body of a route's answer with this status. */
export type AnswerOf<Route extends keyof paths, Status extends number = 200> = paths[Route] extends
  { readonly post: Json<Status, infer Body> } | { readonly get: Json<Status, infer Body> }
  ? Body
  : never;

/** The rows of a stream. */
export type RowOf<Route extends GetRoute> = paths[Route]['get'] extends {
  readonly responses: { readonly 200: { readonly content: { readonly 'application/x-ndjson': infer Line } } };
}
  ? Extract<Line, { readonly row: unknown }>['row']
  : never;

/** An event of the live stream, by its name. */
export type LiveEvent = paths['/v1/live']['get'] extends {
  readonly responses: { readonly 200: { readonly content: { readonly 'text/event-stream': infer Event } } };
}
  ? Event
  : never;
export type LiveHistory = Schemas['LiveHistory'];
export type LivePicture = Schemas['LivePicture'];

export type Limits = AnswerOf<'/v1/limits'>;

/** The outcome of a batch: its result, the results of an interrupted one that the books have, or that it still runs. */
export type BatchOutcome = AnswerOf<'/v1/batches/{batchId}'> | AnswerOf<'/v1/batches/{batchId}', 202>;
/** A batch that no process runs any more and that has no result. */
export type InterruptedBatch = Extract<BatchOutcome, { readonly status: 'interrupted' }>;
/** A batch that still runs. */
export type RunningBatch = Extract<BatchOutcome, { readonly status: 'running' }>;
