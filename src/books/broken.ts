import { keyOf } from './rows.ts';

/**
 * The lists of `RowKeys` that a command fills, each with the name of its rows for messages. An entry of `ordersWithHolds` is
 * broken if one of the holds of the order, or the account of such a hold, is broken.
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
 * Rows that no rule can work on, since other SQL changed them. Items that touch such a row are rejected, so that nothing is
 * decided from it or written over it.
 */
export class BrokenRows {
  readonly #reasons = new Map<string, string>();

  get size(): number {
    return this.#reasons.size;
  }

  /** The reason why the row with this key is broken, with the name of the row; `undefined` if it is not. */
  reason(touched: Touched, key: string): string | undefined {
    return this.#reasons.get(keyOf(touched, key));
  }

  /** Records the problem of a row, or of another row that belongs to it. Only the first problem of a row is kept. */
  note(touched: Touched, key: string, problem: string, row = nameOf(touched, key)): void {
    const place = keyOf(touched, key);
    if (this.#reasons.has(place)) return;
    this.#reasons.set(place, `${row} is broken: ${problem}`);
  }
}

export const nameOf = (touched: Touched, key: string): string =>
  `${ROWS[touched]} ${key.replaceAll('\0', ' ')}`;
