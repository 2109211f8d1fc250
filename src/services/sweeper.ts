import { Rejection } from '../books/rejection.ts';
import type { CatalogStore } from '../catalog/store.ts';
import { expireHold, expireOrder } from '../commands/expire.ts';
import type { Command } from '../commands/command.ts';
import type { Database } from '../database/database.ts';
import { isoTime } from '../database/sql/time.ts';
import type { Engine } from '../engine/engine.ts';
import { limits } from '../limits.ts';

/** The actor of the sweeper's batches. No caller can use it, since an id cannot begin with `@`. */
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
  /** Present for a hold. */
  currency?: string;
  expires_at: string;
}

/** The result of a sweep. */
export interface Swept {
  /** The number of orders that it expired. */
  readonly expiredOrders: number;
  /** The number of holds that it released. */
  readonly expiredHolds: number;
  /** Expired orders and holds that could not be released because they touch a broken row. Every sweep reports them again. */
  readonly broken: readonly BrokenExpiry[];
}

export interface BrokenExpiry {
  /** The user whose order or hold it is. */
  readonly userId: string;
  /** The order, or the order of the hold. */
  readonly orderId: string;
  /** Names the broken row and tells what is wrong with it. */
  readonly problem: string;
}

/**
 * Expires orders and releases holds whose time is over. It keeps no state outside the tables: any number of processes may
 * sweep at any time, and if one dies half-way, the next sweep finds the rest.
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

  /** Expires every order and releases every hold whose time is over at `now`. */
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
    // Broken rows are not released: they stay at the front of the order by expiry, and the next page skips them.
    let skipped = 0;
    for (;;) {
      const bounds = [now.toISOString(), String(limits.batches.sweepItems), String(skipped)];
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
      const skippedBefore = skipped;
      for (const [index, { code, message }] of failedItems) {
        const row = rows[index];
        if (code !== 'broken_row' || row === undefined) continue;
        skipped++;
        // The message begins with the index of the item, which means nothing outside this batch.
        const problem = message.slice(message.indexOf(': ') + 2);
        broken.push({ userId: row.user_id, orderId: row.order_id, problem });
      }
      // A row that another sweeper released first is rejected here. If nothing else was left on this page, that sweeper goes
      // on.
      if (rows.length < limits.batches.sweepItems || (counts.applied === 0 && skipped === skippedBefore))
        return swept;
    }
  }
}
