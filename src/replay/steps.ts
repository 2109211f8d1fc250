import type { OrderSide } from '../books/rows.ts';

/** An order of the recording. */
export interface RecordedOrder {
  readonly id: string;
  readonly side: OrderSide;
  /** Limit price, at the scale that events have. */
  readonly price: bigint;
  /** At the scale of volumes. */
  readonly quantity: bigint;
  /** The number of the order: the one with the lower number came first and is the maker. */
  readonly sequence: number;
}

/** A recorded fill: one side of a trade. */
export interface Fill {
  /** Identifies the fill in the recording, by the order and its rest, which shrinks with every fill. */
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

/** A trade to be settled. A side without a fill is that of the market maker. */
export interface Trade {
  readonly kind: 'trade';
  readonly id: string;
  readonly buy: Fill | null;
  readonly sell: Fill | null;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly takerSide: OrderSide;
  /** The fills that are used up after this trade. */
  readonly completes: readonly Fill[];
}

/** A step of the replay. Steps are run in order. */
export type Step = Place | Cancel | Trade;
