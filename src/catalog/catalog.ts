import type { ItemErrorCode } from '../results.ts';

/** A currency and how many decimals its amounts have. */
export interface Currency {
  readonly code: string;
  readonly scale: number;
}

/** A pair that is traded. Prices are multiples of `tickSize`, quantities of `lotSize`. */
export interface Market {
  readonly symbol: string;
  readonly base: Currency;
  readonly quote: Currency;
  /** Decimal string, in quote for one base. */
  readonly tickSize: string;
  /** Decimal string, in base. */
  readonly lotSize: string;
  /** Decimals of a price. */
  readonly priceScale: number;
  /** `tickSize` at `priceScale`. */
  readonly tick: bigint;
  /** `lotSize` at the scale of base. */
  readonly lot: bigint;
}

/** The reference data of one moment: every currency and market, by its code. */
export interface Catalog {
  readonly currencies: ReadonlyMap<string, Currency>;
  readonly markets: ReadonlyMap<string, Market>;
}

/** Rejections that newer reference data may turn into something better. */
export const CATALOG_MISSES: ReadonlySet<ItemErrorCode> = new Set(['unknown_currency', 'unknown_market']);
