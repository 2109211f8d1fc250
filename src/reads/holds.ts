import type { Session } from '../database/database.ts';
import { isoMoment, isoTime } from '../database/sql/time.ts';
import { trimDecimal } from '../money/amount.ts';
import { beyond, inBothDirections, LAST_ID, readPage, type Page, type PageOptions } from './page.ts';
import { storableKey, type OwnedOrderKey } from './readArguments.ts';

/** An open hold, as callers see it. */
export interface HoldView {
  readonly userId: string;
  /** The order that it is for. */
  readonly orderId: string;
  readonly currency: string;
  /** The amount that it has left, a decimal string. */
  readonly amount: string;
  /** Whether it was made with its order, by `batchPlaceOrders`. */
  readonly placed: boolean;
  /** When the sweeper releases it, ISO 8601 in UTC; `null`: never. */
  readonly expiresAt: string | null;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
}

const COLUMNS = 'h.user_id, h.order_id, h.currency, h.amount, h.placed, h.expires_at, h.created_at';

/**
 * The pages of the holds of a user, by their orders: holds have no index by time, which every lock would have to write. The last
 * order ids come first, and so do the newest holds where ids grow with time.
 */
export const holdPages = inBothDirections((direction) => {
  const { than, order } = beyond(direction);
  return {
    name: `get-${direction}-holds`,
    hints: ['IndexScan(h holds_pkey)'],
    text: `
    SELECT ${COLUMNS}
    FROM holds h
    WHERE h.user_id = $1 AND (h.order_id, h.currency) ${than} ($2, $3)
    ORDER BY h.order_id ${order}, h.currency ${order}
    LIMIT $4`,
  };
});

interface Row {
  user_id: string;
  order_id: string;
  currency: string;
  amount: string;
  placed: string;
  expires_at: string | null;
  created_at: string;
}

const toView = (row: Row): HoldView => ({
  userId: row.user_id,
  orderId: row.order_id,
  currency: row.currency,
  amount: trimDecimal(row.amount),
  placed: row.placed === 't',
  expiresAt: row.expires_at === null ? null : isoTime(row.expires_at),
  createdAt: isoMoment(row.created_at),
});

/** The holds of an order: one for each currency. */
export const getHoldsOfOrder = {
  name: 'get-holds-of-order',
  hints: ['IndexScan(h holds_pkey)'],
  text: `
    SELECT ${COLUMNS}
    FROM holds h
    WHERE h.user_id = $1 AND h.order_id = $2
    ORDER BY h.currency`,
};

export async function readHoldsOfOrder(session: Session, { userId, id }: OwnedOrderKey): Promise<HoldView[]> {
  const values = [storableKey(userId), storableKey(id)];
  return (await session.query<Row>(getHoldsOfOrder, values)).map(toView);
}

/**
 * A page of the open holds of a user.
 *
 * @throws PincexError `invalid_argument`
 */
export function readHoldPage(
  session: Session,
  userId: string,
  options: PageOptions,
): Promise<Page<HoldView>> {
  return readPage(
    {
      name: 'holds',
      owner: [userId],
      top: [LAST_ID, LAST_ID],
      keyOf: ({ orderId, currency }) => [orderId, currency],
      read: async (direction, key, limit) => {
        const values = [storableKey(userId), ...key.map(String), String(limit)];
        return (await session.query<Row>(holdPages[direction], values)).map(toView);
      },
    },
    options,
  );
}
