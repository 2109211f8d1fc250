import type { LockFunds, PlaceOrder } from '../../index.ts';
import type { Draw } from './draw.ts';

/** The accounts for the measurements, and the items for them. */

export const ACCOUNTS = 100_000;
/** The number of accounts with a history, on which the cost of a join with the journal depends. */
export const HISTORIED = 10_000;
/** The number of journal entries of each of these accounts. */
export const HISTORY = 50;
export const CURRENCY = 'USD';

/** Spreads ranks over the index, so that the hot accounts of a Zipf draw do not share a page. */
export const userOf = (rank: number, accounts = ACCOUNTS): string =>
  `bench-${String((rank * 7_919) % accounts).padStart(6, '0')}`;

let made = 0;
/** An id that no run on this database used before. */
export const newId = (): string => `${Date.now().toString(36)}-${(made++).toString(36)}`;

export function lockItems(count: number, draw: Draw, accounts = ACCOUNTS): LockFunds[] {
  return Array.from({ length: count }, () => {
    const id = newId();
    return { id, userId: userOf(draw(), accounts), currency: CURRENCY, amount: '0.01', orderId: id };
  });
}

export function placeItems(count: number, draw: Draw): PlaceOrder[] {
  return Array.from({ length: count }, () => ({
    id: newId(),
    userId: userOf(draw()),
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    // Worth 1 USD, the least that the market takes.
    quantity: '0.00001',
    price: '100000',
  }));
}
