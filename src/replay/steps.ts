import type { OrderSide } from '../books/rows.ts';

/** An order of the recording. */
export interface RecordedOrder {
  readonly id: string;
  readonly side: OrderSide;
  /** Limit price, at the scale that events have. */
  readonly price: bigint;
  /** At the scale of volumes. */
  readonly quantity: bigint;
  /** Counts the orders: the lower one came first, and is the maker. */
  readonly sequence: number;
}

/** One side of a trade, as the recording tells it: this much of an order was filled. */
export interface Fill {
  /** Names the fill among all of the recording: what remains of an order only ever shrinks. */
  readonly id: string;
  readonly order: RecordedOrder;
  readonly quantity: bigint;
}

export interface Place {
  readonly kind: 'place';
  readonly order: RecordedOrder;
}

export interface Cancel {
  readonly kind: 'cancel';
  readonly order: RecordedOrder;
}

/** A trade that is to be settled. A side without a fill is the market maker's. */
export interface Trade {
  readonly kind: 'trade';
  readonly id: string;
  readonly buy: Fill | null;
  readonly sell: Fill | null;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly takerSide: OrderSide;
  /** The fills of which nothing is left after this. */
  readonly completes: readonly Fill[];
}

/** One step of the replay. Steps are taken in order. */
export type Step = Place | Cancel | Trade;
