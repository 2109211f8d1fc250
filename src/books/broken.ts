import { keyOf } from './rows.ts';

/**
 * The lists of `RowKeys` that a command fills, and the name of a row of each. An order that is touched for its holds is broken
 * if one of them, or its account, is broken.
 */
const ROWS = {
  accounts: 'account',
  holds: 'hold',
  orders: 'order',
  ordersWithHolds: 'hold',
  transactions: 'transaction',
  trades: 'trade',
} as const;

export type Touched = keyof typeof ROWS;
export const TOUCHED = Object.keys(ROWS) as readonly Touched[];

/**
 * Rows that no rule can work on: SQL other than ours changed them. Items that touch one are refused, and so nothing is
 * decided from it or written over it.
 */
export class BrokenRows {
  readonly #reasons = new Map<string, string>();

  get size(): number {
    return this.#reasons.size;
  }

  /** Why the row with this key is broken, with its name. */
  reason(touched: Touched, key: string): string | undefined {
    return this.#reasons.get(keyOf(touched, key));
  }

  /** Notes what is wrong with a row, or with another that goes with it; what was noted first stays. */
  note(touched: Touched, key: string, problem: string, row = nameOf(touched, key)): void {
    const place = keyOf(touched, key);
    if (this.#reasons.has(place)) return;
    this.#reasons.set(place, `${row} is broken: ${problem}`);
  }
}

export const nameOf = (touched: Touched, key: string): string =>
  `${ROWS[touched]} ${key.replaceAll('\0', ' ')}`;
