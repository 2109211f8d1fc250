import type { ItemErrorCode } from '../results.ts';

/** A currency and how many decimals its amounts have. */
export interface Currency {
  /** Such as `USD`. */
  readonly code: string;
  /** Decimals of an amount. */
  readonly scale: number;
}

/** A pair that is traded. Prices are multiples of `tickSize`, quantities of `lotSize`. */
export interface Market {
  /** Such as `BTC/USD`. */
  readonly symbol: string;
  /** The currency that is traded. */
  readonly base: Currency;
  /** The currency that it is paid in. */
  readonly quote: Currency;
  /** Decimal string, in quote for one base. */
  readonly tickSize: string;
  /** Decimal string, in base. */
  readonly lotSize: string;
  /** Decimal string, in quote: the least value of an order, checked if the value is known when the order comes; `0`: none. */
  readonly minNotional: string;
  /** Decimals of a price. */
  readonly priceScale: number;
  /** `tickSize` at `priceScale`. */
  readonly tick: bigint;
  /** `lotSize` at the scale of base. */
  readonly lot: bigint;
  /** `minNotional` at the scale of quote. */
  readonly leastValue: bigint;
  /** The prices at which trades may be settled; `null`: any. */
  readonly priceBand: PriceBand | null;
}

/** A range of prices that includes both ends. */
export interface PriceBand {
  /** Decimal strings, in quote. */
  readonly lowest: string;
  readonly highest: string;
  /** The same as integers at the `priceScale` of the market. */
  readonly least: bigint;
  readonly most: bigint;
}

/** The reference data of one moment. */
export interface Catalog {
  /** By their codes. */
  readonly currencies: ReadonlyMap<string, Currency>;
  /** By their symbols. */
  readonly markets: ReadonlyMap<string, Market>;
}

/** A stored row names a currency or market that this process has not read yet, since another process added it. */
export class CatalogBehind extends Error {}

export function currencyOf({ currencies }: Catalog, code: string): Currency {
  const currency = currencies.get(code);
  if (currency === undefined) throw new CatalogBehind(`A stored row is of ${code}, which is no currency`);
  return currency;
}

export function marketOf({ markets }: Catalog, symbol: string): Market {
  const market = markets.get(symbol);
  if (market === undefined) throw new CatalogBehind(`A stored row is of ${symbol}, which is no market`);
  return market;
}

/** Rejections that may be due to outdated reference data, so that the item is tried again with newer data. */
export const CATALOG_MISSES: ReadonlySet<ItemErrorCode> = new Set(['unknown_currency', 'unknown_market']);
