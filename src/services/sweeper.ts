import { Rejection } from '../books/rejection.ts';
import type { CatalogStore } from '../catalog/store.ts';
import { expireHold, expireOrder } from '../commands/expire.ts';
import type { Command } from '../commands/command.ts';
import type { Database } from '../database/database.ts';
import { isoTime } from '../database/time.ts';
import type { Engine } from '../engine/engine.ts';
import { limits } from '../limits.ts';

/** Who sends its batches. No caller can name this `actor`: an id does not begin with `@`. */
const SWEEPER = '@sweeper';

export const findExpiredHolds = {
  name: 'find-expired-holds',
  hints: ['IndexScan(holds holds_expiry)'],
  text: `
    SELECT user_id, order_id, currency, expires_at
    FROM holds
    WHERE expires_at <= $1::timestamptz AND NOT placed
    ORDER BY expires_at
    LIMIT $2 OFFSET $3`,
};

export const findExpiredOrders = {
  name: 'find-expired-orders',
  hints: ['IndexScan(orders orders_expiry)'],
  text: `
    SELECT user_id, id AS order_id, expires_at
    FROM orders
    WHERE expires_at <= $1::timestamptz AND status IN ('pending', 'open', 'partially_filled')
    ORDER BY expires_at
    LIMIT $2 OFFSET $3`,
};

interface Expired {
  user_id: string;
  order_id: string;
  /** Of a hold. */
  currency?: string;
  expires_at: string;
}

/** What a sweep gave back. */
export interface Swept {
  /** How many orders it expired. */
  readonly expiredOrders: number;
  /** How many holds it gave back. */
  readonly expiredHolds: number;
  /** What nobody can give back, since it touches a broken row; each sweep comes upon it again. */
  readonly broken: readonly BrokenExpiry[];
}

export interface BrokenExpiry {
  /** Whose it is. */
  readonly userId: string;
  /** The order, or the order of the hold. */
  readonly orderId: string;
  /** Names the row and says what is wrong with it. */
  readonly problem: string;
}

/**
 * Returns what has expired. All it knows stands in the tables: any number of processes may sweep at any time,
 * and one that dies half-way leaves nothing undone that the next would not find.
 */
export class Sweeper {
  readonly #database: Database;
  readonly #catalog: CatalogStore;
  readonly #engine: Engine;

  constructor(database: Database, catalog: CatalogStore, engine: Engine) {
    this.#database = database;
    this.#catalog = catalog;
    this.#engine = engine;
  }

  /** Expires every order and returns every hold whose time is over. */
  async sweep(now = new Date()): Promise<Swept> {
    const catalog = await this.#catalog.reread();
    const broken: BrokenExpiry[] = [];
    const expiredOrders = await this.#sweepAll(findExpiredOrders, now, broken, (row) =>
      expireOrder(row.user_id, row.order_id, isoTime(row.expires_at)),
    );
    const expiredHolds = await this.#sweepAll(findExpiredHolds, now, broken, (row) => {
      const { user_id: userId, order_id: orderId, currency: code = '' } = row;
      const currency = catalog.currencies.get(code);
      if (currency !== undefined) return expireHold(userId, orderId, currency, isoTime(row.expires_at));
      return new Rejection(
        'broken_row',
        `hold ${userId} ${orderId} ${code} is broken: ${code} is no currency`,
      );
    });
    return { expiredOrders, expiredHolds, broken };
  }

  async #sweepAll(
    find: typeof findExpiredHolds,
    now: Date,
    broken: BrokenExpiry[],
    toCommand: (row: Expired) => Command | Rejection,
  ): Promise<number> {
    let swept = 0;
    // Broken rows stay where they are, before those that come later.
    let staying = 0;
    for (;;) {
      const bounds = [now.toISOString(), String(limits.batches.sweepItems), String(staying)];
      const rows = await this.#database.query<Expired>(find, bounds);
      const { counts, failedItems } = await this.#engine.run(
        (row) => {
          const item = { id: null, group: null, command: toCommand(row as Expired) };
          return () => item;
        },
        rows,
        { actor: SWEEPER },
      );
      swept += counts.applied;
      const stayed = staying;
      for (const [index, { code, message }] of failedItems) {
        const row = rows[index];
        if (code !== 'broken_row' || row === undefined) continue;
        staying++;
        // Which item of the sweep it was says nothing.
        const problem = message.slice(message.indexOf(': ') + 2);
        broken.push({ userId: row.user_id, orderId: row.order_id, problem });
      }
      // What another sweeper took first is rejected here; where nothing else came of it, it is at work already.
      if (rows.length < limits.batches.sweepItems || (counts.applied === 0 && staying === stayed))
        return swept;
    }
  }
}
