import type { Pincex, RowStream, StreamOptions } from '../../src/index.ts';

/** A stream, with the SQL that fills and reads its table. */
export interface Streamed {
  readonly name: 'accounts' | 'orders' | 'trades' | 'journal' | 'operations';
  readonly key: string;
  readonly open: (pincex: Pincex, options?: StreamOptions) => RowStream<object>;
  /** Adds the rows $1 to $2: each user has a few, so that pages end within a user. */
  readonly seed: string;
  /** Adds a row for each user in $1 and each other id in $2. */
  readonly seedIds: string;
  /** Every row, as callers see it, in the order of the stream. */
  readonly expected: string;
}

/** An amount and a time as callers see them. */
const amount = (column: string): string => `trim_scale(${column})::text`;
const time = (column: string, decimals: 'MS' | 'US' = 'US'): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.${decimals}"Z"')`;

/** Each row has another millisecond and another amount. */
const AT = `timestamptz '2026-01-31 23:59:59.007+00' + n * interval '13 ms'`;
const AMOUNT = `(n % 50000) * 0.00010`;
const USERS_AND_IDS = `unnest($1::text[]) WITH ORDINALITY AS u (u, un) CROSS JOIN unnest($2::text[]) WITH ORDINALITY
  AS i (i, n)`;

const ORDERS = `INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, filled_quantity, filled_value, price,
  stop_price, time_in_force, expires_at, oco_group_id, placed, reject_code, version, created_at, updated_at)
  SELECT`;
const ORDER = `'BTC/USD', CASE WHEN n % 2 = 0 THEN 'buy' ELSE 'sell' END, 'limit', 'open', ${AMOUNT} + 3,
  n % 3, n % 3 * 7, CASE WHEN n % 5 > 0 THEN ${AMOUNT} + 1 END, CASE WHEN n % 7 = 0 THEN 2.50 END, 'gtc',
  CASE WHEN n % 7 = 0 THEN ${AT} END, CASE WHEN n % 11 = 0 THEN 'group' END, n % 2 = 0,
  CASE WHEN n % 13 = 0 THEN 'insufficient_funds' END, n, ${AT}, ${AT} + n % 2 * interval '1 s'`;

const NOTE = `CASE WHEN n % 3 > 0 THEN 'reason ' || n END, CASE WHEN n % 5 = 0 THEN jsonb_build_object('n', n, 'of', array['a', null]) END`;

const OPERATIONS = `INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, batch_id, actor, created_at, reason,
  metadata)`;
const OPERATION = `'lockFunds', 'hash', '{}', ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid`;

export const STREAMED: readonly Streamed[] = [
  {
    name: 'accounts',
    key: 'user_id, currency',
    open: (pincex, options) => pincex.streamAccounts(options),
    seed: `INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
      SELECT 'user-' || n / 3, 'C' || n % 3, ${AMOUNT}, n % 5, n, ${AT}, ${AT}
      FROM generate_series($1::int, $2::int) AS n`,
    seedIds: `INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
      SELECT u, i, ${AMOUNT}, n % 5, n, ${AT}, ${AT} FROM ${USERS_AND_IDS}`,
    expected: `SELECT json_build_object('userId', user_id, 'currency', currency, 'available', ${amount('available')},
        'locked', ${amount('locked')}, 'balance', ${amount('available + locked')}, 'version', version,
        'updatedAt', ${time('updated_at')}) AS row
      FROM accounts ORDER BY user_id, currency`,
  },
  {
    name: 'orders',
    key: 'user_id, id',
    open: (pincex, options) => pincex.streamOrders(options),
    seed: `${ORDERS} 'user-' || n / 7, 'order-' || n, ${ORDER} FROM generate_series($1::int, $2::int) AS n`,
    seedIds: `${ORDERS} u, i, ${ORDER} FROM ${USERS_AND_IDS}`,
    expected: `SELECT json_build_object('id', id, 'userId', user_id, 'symbol', symbol, 'side', side, 'type', type,
        'status', status, 'quantity', ${amount('quantity')}, 'filledQuantity', ${amount('filled_quantity')},
        'averagePrice', CASE WHEN filled_quantity > 0 THEN ${amount('round(filled_value / filled_quantity, 18)')} END,
        'price', ${amount('price')}, 'stopPrice', ${amount('stop_price')}, 'trailingAmount', null,
        'trailingPercent', null, 'displayQuantity', null, 'timeInForce', time_in_force,
        'expiresAt', ${time('expires_at', 'MS')}, 'ocoGroupId', oco_group_id, 'parentOrderId', null, 'holdAmount', null,
        'placed', placed, 'rejectCode', reject_code, 'version', version, 'createdAt', ${time('created_at')},
        'updatedAt', ${time('updated_at')}) AS row
      FROM orders ORDER BY user_id, id`,
  },
  {
    name: 'trades',
    key: 'user_id, id, side',
    open: (pincex, options) => pincex.streamTrades(options),
    seed: `INSERT INTO trades SELECT 'user-' || n / 8, 'trade-' || n / 2, CASE WHEN n % 2 = 0 THEN 'buy' ELSE 'sell' END,
        'order-' || n, 'BTC/USD', ${AMOUNT} + 1, 1.50, ${AMOUNT} * 2, ${AMOUNT} / 4,
        CASE WHEN n % 3 = 0 THEN 'maker' ELSE 'taker' END, ${AT}
      FROM generate_series($1::int, $2::int) AS n`,
    seedIds: `INSERT INTO trades SELECT u, i, 'sell', i, i, ${AMOUNT} + 1, 1.50, 1, 0, 'maker', ${AT} FROM ${USERS_AND_IDS}`,
    expected: `SELECT json_build_object('id', id, 'userId', user_id, 'orderId', order_id, 'symbol', symbol, 'side', side,
        'price', ${amount('price')}, 'quantity', ${amount('quantity')}, 'quoteAmount', ${amount('quote_amount')},
        'fee', ${amount('fee')}, 'liquidity', liquidity, 'executedAt', ${time('executed_at')}) AS row
      FROM trades ORDER BY user_id, id, side`,
  },
  {
    name: 'journal',
    key: 'user_id, currency, version',
    open: (pincex, options) => pincex.streamJournal(options),
    seed: `INSERT INTO journal SELECT 'user-' || n / 30, 'C' || n / 15 % 2, n % 15 + 1, ${AMOUNT}, -${AMOUNT}, ${AMOUNT} * 2, 0.10,
        'operation-' || n, 'lockFunds', CASE WHEN n % 4 > 0 THEN 'order-' || n END, ${AT},
        ${NOTE}
      FROM generate_series($1::int, $2::int) AS n`,
    seedIds: `INSERT INTO journal SELECT u, i, n, 1.10, -0.5, 2, 3, i, i, i, ${AT} FROM ${USERS_AND_IDS}`,
    expected: `SELECT json_build_object('userId', user_id, 'currency', currency, 'version', version,
        'availableDelta', ${amount('available_delta')}, 'lockedDelta', ${amount('locked_delta')},
        'available', ${amount('available')}, 'locked', ${amount('locked')}, 'operationId', operation_id,
        'operationType', operation_type, 'orderId', order_id, 'reason', reason, 'metadata', metadata, 'createdAt', ${time('created_at')}) AS row
      FROM journal ORDER BY user_id, currency, version`,
  },
  {
    name: 'operations',
    key: 'user_id, kind, id',
    open: (pincex, options) => pincex.streamOperations(options),
    seed: `${OPERATIONS} SELECT 'user-' || n / 9, CASE WHEN n % 2 = 0 THEN 'funds' ELSE 'order' END, 'operation-' || n,
        ${OPERATION}, CASE WHEN n % 3 = 0 THEN 'key:' || n END, ${AT}, ${NOTE}
      FROM generate_series($1::int, $2::int) AS n`,
    seedIds: `${OPERATIONS} SELECT u, 'funds', i, ${OPERATION}, i, ${AT}, ${NOTE} FROM ${USERS_AND_IDS}`,
    expected: `SELECT json_build_object('userId', user_id, 'kind', kind, 'id', id, 'type', type, 'batchId', batch_id,
        'actor', actor, 'reason', reason, 'metadata', metadata, 'createdAt', ${time('created_at')}) AS row
      FROM operations ORDER BY user_id, kind, id`,
  },
];

/** All rows of a stream, or the first `count` of them. */
export async function take<View>(stream: RowStream<View>, count = Infinity): Promise<View[]> {
  const rows: View[] = [];
  if (count === 0) return rows;
  for await (const row of stream) {
    rows.push(row);
    if (rows.length >= count) break;
  }
  return rows;
}
