import type { OrderSide } from '../books/rows.ts';

/** An order in the book of the generated day. */
export interface Standing {
  readonly id: string;
  readonly side: OrderSide;
  /** In ticks. */
  readonly price: bigint;
  remaining: bigint;
}

/** The open orders of the generated day, those of each side with the best price first. */
export class Book {
  readonly #sides: Readonly<Record<OrderSide, Standing[]>> = { buy: [], sell: [] };

  get size(): number {
    return this.#sides.buy.length + this.#sides.sell.length;
  }

  best(side: OrderSide): Standing | undefined {
    return this.#sides[side][0];
  }

  /** The order that a new order at this price would trade with, if any. */
  against({ side, price }: Standing): Standing | undefined {
    const best = this.best(side === 'buy' ? 'sell' : 'buy');
    if (best === undefined) return undefined;
    return (side === 'buy' ? price >= best.price : price <= best.price) ? best : undefined;
  }

  add(order: Standing): void {
    const orders = this.#sides[order.side];
    const isBehind = (other: Standing): boolean =>
      order.side === 'buy' ? other.price < order.price : other.price > order.price;
    const place = orders.findIndex(isBehind);
    orders.splice(place === -1 ? orders.length : place, 0, order);
  }

  remove(order: Standing): void {
    const orders = this.#sides[order.side];
    orders.splice(orders.indexOf(order), 1);
  }

  /** The order with an index from 0 to `size` - 1. */
  at(place: number): Standing | undefined {
    const { buy, sell } = this.#sides;
    return place < buy.length ? buy[place] : sell[place - buy.length];
  }
}
