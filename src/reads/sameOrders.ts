import type { Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';
import { limits } from '../limits.ts';
import { orderWith, toOrderView, type OrderView, type OrderViewRow } from './orders.ts';
import { storableKey } from './readArguments.ts';

const sameOrder = orderWith({ user_id: 'o.user_id' });

/** The orders of any users with an id. */
export const getOrdersOfAnyUser: Statement = {
  name: 'get-orders-of-any-user',
  hints: ['IndexScan(o orders_id)'],
  rowMode: 'array',
  text: `
    SELECT ${sameOrder.list}
    FROM (SELECT * FROM orders o WHERE o.id = $1 AND o.id > '' LIMIT ${limits.reads.sameIds}) AS o
    ORDER BY o.user_id`,
};

export async function readOrdersOfAnyUser(session: Session, id: string): Promise<OrderView[]> {
  const rows = await session.query<OrderViewRow>(getOrdersOfAnyUser, [storableKey(id)]);
  return rows.map((row) => toOrderView(row, row[sameOrder.at.own.user_id] ?? ''));
}
