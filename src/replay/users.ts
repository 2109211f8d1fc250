import { createHash } from 'node:crypto';

/** The market maker: it is the other side of every fill that has none. */
export const MARKET_MAKER = 'market-maker';

/** The users that the orders of a recording are spread over. */
export class Users {
  readonly ids: readonly string[];

  constructor(count: number) {
    const digits = String(count - 1).length;
    this.ids = Array.from({ length: count }, (_, n) => `user-${String(n).padStart(digits, '0')}`);
  }

  /** The user of an order: pseudo-random, and the same in every run. */
  ownerOf(orderId: string): string {
    return this.ids[hash(orderId) % this.ids.length] ?? '';
  }
}

export function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE();
}
