import { kindOf } from '../commands/kinds.ts';
import type { LockFunds } from '../index.ts';
import type { Database } from '../database/database.ts';
import { decodeNumeric } from '../money/amount.ts';

/**
 * The work of a service without batches: each item has a transaction of its own, with the same checks and the same written
 * rows as in a batch. Every statement is prepared and does only the necessary work.
 */

const findOperation = {
  name: 'bench-find-operation',
  text: 'SELECT content_hash, outcome FROM operations WHERE user_id = $1 AND kind = $2 AND id = $3',
};
const lockAccount = {
  name: 'bench-lock-account',
  text: 'SELECT available FROM accounts WHERE user_id = $1 AND currency = $2 FOR NO KEY UPDATE',
};
const updateAccount = {
  name: 'bench-update-account',
  text: `
    UPDATE accounts
    SET available = available - $3, locked = locked + $3, version = version + 1, updated_at = $4
    WHERE user_id = $1 AND currency = $2
    RETURNING available, locked, version`,
};
const insertJournal = {
  name: 'bench-insert-journal',
  text: `
    INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
      operation_id, operation_type, order_id, created_at)
    VALUES ($1, $2, $3, -$4::numeric, $4, $5, $6, $7, 'lockFunds', $8, $9)`,
};
const insertHold = {
  name: 'bench-insert-hold',
  text: `
    INSERT INTO holds (user_id, order_id, currency, amount, placed, created_at)
    VALUES ($1, $2, $3, $4, false, $5)`,
};
const insertOperation = {
  name: 'bench-insert-operation',
  text: `
    INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, batch_id, created_at)
    VALUES ($1, $2, $3, $4, left($3, 22), $5, gen_random_uuid(), $6)`,
};
const lockOrder = {
  name: 'bench-lock-order',
  text: 'SELECT status, version FROM orders WHERE user_id = $1 AND id = $2 FOR NO KEY UPDATE',
};
const updateOrder = {
  name: 'bench-update-order',
  text: `
    UPDATE orders SET status = $3, version = version + 1, updated_at = $4
    WHERE user_id = $1 AND id = $2
    RETURNING version`,
};

const SCALE = 2;

export async function lockFundsInLoop(database: Database, items: readonly LockFunds[]): Promise<void> {
  for (const { id, userId, currency, amount, orderId } of items) {
    await database.transaction(async (session) => {
      const now = new Date().toISOString();
      const [seen] = await session.query(findOperation, [userId, kindOf('lockFunds'), id]);
      if (seen !== undefined) return;
      const [account] = await session.query<{ available: string }>(lockAccount, [userId, currency]);
      if (decodeNumeric(account?.available ?? '0', SCALE) < decodeNumeric(amount, SCALE)) return;
      const [moved] = await session.query<{ available: string; locked: string; version: string }>(
        updateAccount,
        [userId, currency, amount, now],
      );
      if (moved === undefined) throw new RangeError(`${userId} has no ${currency} account`);
      const { available, locked, version } = moved;
      await session.query(insertJournal, [
        userId,
        currency,
        version,
        amount,
        available,
        locked,
        id,
        orderId,
        now,
      ]);
      await session.query(insertHold, [userId, orderId, currency, amount, now]);
      const outcome = JSON.stringify({ available, locked, version });
      await session.query(insertOperation, [userId, kindOf('lockFunds'), id, 'lockFunds', outcome, now]);
    });
  }
}

/** A status update of an order. */
export interface StatusChange {
  readonly id: string;
  readonly userId: string;
  readonly orderId: string;
  readonly status: 'cancelled';
}

export async function updateOrdersInLoop(
  database: Database,
  changes: readonly StatusChange[],
): Promise<void> {
  for (const { id, userId, orderId, status } of changes) {
    await database.transaction(async (session) => {
      const now = new Date().toISOString();
      const [seen] = await session.query(findOperation, [userId, kindOf('updateOrderStatus'), id]);
      if (seen !== undefined) return;
      const [order] = await session.query<{ status: string }>(lockOrder, [userId, orderId]);
      if (order?.status !== 'open') return;
      const [changed] = await session.query<{ version: string }>(updateOrder, [userId, orderId, status, now]);
      const outcome = JSON.stringify({ orderId, status, version: changed?.version });
      await session.query(insertOperation, [
        userId,
        kindOf('updateOrderStatus'),
        id,
        'updateOrderStatus',
        outcome,
        now,
      ]);
    });
  }
}
