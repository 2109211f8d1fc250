import type { Database, Session } from '../database/database.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';
import { parseAmount, trimDecimal } from '../money/amount.ts';
import { refuseSurplus } from '../surplus.ts';
import { marketOf, type Catalog, type Currency, type Market, type PriceBand } from './catalog.ts';

export const readCurrencies = {
  name: 'read-currencies',
  text: 'SELECT code, scale FROM currencies ORDER BY code',
};

export const readMarkets = {
  name: 'read-markets',
  text: `
    SELECT symbol, base, quote, tick_size, lot_size, min_notional, lowest_price, highest_price
    FROM markets ORDER BY symbol`,
};

export const insertCurrency = {
  name: 'insert-currency',
  text: `
    INSERT INTO currencies (code, scale) VALUES ($1, $2)
    ON CONFLICT (code) DO UPDATE SET scale = currencies.scale
    RETURNING scale`,
};

export const insertMarket = {
  name: 'insert-market',
  text: `
    INSERT INTO markets (symbol, base, quote, tick_size, lot_size, min_notional) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (symbol) DO NOTHING
    RETURNING symbol`,
};

export const updateMinNotional = {
  name: 'update-min-notional',
  text: 'UPDATE markets SET min_notional = $2 WHERE symbol = $1',
};

export const updatePriceBand = {
  name: 'update-price-band',
  text: 'UPDATE markets SET lowest_price = $2, highest_price = $3 WHERE symbol = $1',
};

interface MarketRow {
  symbol: string;
  base: string;
  quote: string;
  tick_size: string;
  lot_size: string;
  min_notional: string;
  lowest_price: string | null;
  highest_price: string | null;
}

/** How long an unknown code counts as unknown before the tables are read again. */
const STALE_AFTER_MS = 1_000;

/**
 * Reads the reference data and caches it without expiry: codes are only ever added, and only the least order value and the
 * price band of a market may change.
 */
export class CatalogStore {
  readonly #database: Database;
  #catalog: Promise<Catalog> | undefined;
  #readAt = 0;

  /** @internal */
  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * All currencies and markets, as this process knows them.
   *
   * @param session reads the tables if this process has not read them yet; for a transaction, which has its own connection
   */
  get(session?: Session): Promise<Catalog> {
    return this.#catalog ?? this.reread(session);
  }

  /** As {@link get}, however long ago the tables were read: codes are only ever added. */
  known(session?: Session): Promise<Catalog> {
    return this.#catalog ?? this.reread(session);
  }

  /** Reads the tables anew. Until they are read, the known catalog stays in use. */
  async readAhead(session: Session): Promise<void> {
    const catalog = await readTables(session);
    this.#readAt = performance.now();
    this.#catalog = Promise.resolve(catalog);
  }

  /**
   * Reads the tables anew, unless they were read less than a second ago: then `undefined`. If the tables cannot be read, the
   * known catalog stays, so that cached rows can still be read.
   */
  async refreshed(session?: Session): Promise<Catalog | undefined> {
    if (performance.now() - this.#readAt < STALE_AFTER_MS) return undefined;
    const known = this.#catalog;
    return this.reread(session).catch((error: unknown) => {
      this.#catalog ??= known;
      throw error;
    });
  }

  /**
   * Adds a currency; adding it again with the same scale changes nothing.
   *
   * @throws PincexError `invalid_argument`
   *
   * @example
   * ```ts
   * await catalog.addCurrency('SHIB', 18);
   * ```
   */
  async addCurrency(code: string, scale: number): Promise<Currency> {
    if (typeof code !== 'string' || !/^[A-Z0-9]{2,16}$/.test(code)) {
      throw new PincexError(
        'invalid_argument',
        `A currency code is 2 to 16 upper-case letters and digits: got ${describe(code)}`,
      );
    }
    if (!Number.isInteger(scale) || scale < 0 || scale > limits.books.scale) {
      throw new PincexError(
        'invalid_argument',
        `The scale of ${code} must be 0 to ${limits.books.scale}: got ${describe(scale)}`,
      );
    }
    const rows = await this.#database.query<{ scale: string }>(insertCurrency, [code, String(scale)]);
    const stored = Number(rows[0]?.scale);
    if (stored !== scale) {
      throw new PincexError(
        'invalid_argument',
        `${code} exists with scale ${stored}: a scale cannot change to ${scale} once amounts may have been written`,
      );
    }
    this.#catalog = undefined;
    return { code, scale };
  }

  /**
   * Adds a market of two known currencies; adding it again as it is changes nothing.
   *
   * @param tickSize decimal string, in quote
   * @param lotSize decimal string, in base
   * @param minNotional decimal string, in quote: the least value of an order; `0`: none
   * @throws PincexError `invalid_argument`
   *
   * @example
   * ```ts
   * await catalog.addMarket('SHIB/USD', '0.00000001', '1', '1');
   * ```
   */
  async addMarket(symbol: string, tickSize: string, lotSize: string, minNotional?: string): Promise<Market> {
    const [base, quote, ...rest] = requireText('symbol', symbol).split('/');
    const { currencies } = await this.reread();
    if (base === undefined || quote === undefined || rest.length > 0 || base === quote) {
      throw new PincexError(
        'invalid_argument',
        `A symbol is BASE/QUOTE such as BTC/USD: got ${describe(symbol)}`,
      );
    }
    for (const code of [base, quote]) {
      if (!currencies.has(code)) {
        throw new PincexError('invalid_argument', `${symbol}: add the currency ${code} first`);
      }
    }
    const sizes = { tick_size: tickSize, lot_size: lotSize, min_notional: minNotional ?? '0' };
    const row = { symbol, base, quote, ...sizes, lowest_price: null, highest_price: null };
    const market = toMarket(row, currencies);
    await this.#database.query(insertMarket, [symbol, base, quote, ...termsOf(market)]);
    const stored = marketOf(await this.reread(), symbol);
    if (termsOf(stored).join() === termsOf(market).join()) return stored;
    const [tick, lot, least] = termsOf(stored);
    throw new PincexError(
      'invalid_argument',
      `${symbol} exists with tick ${tick}, lot ${lot} and least order value ${least}`,
    );
  }

  /**
   * Sets the least value of an order on a market. Other processes learn of it with their next report, within ten seconds.
   * Existing orders stay as they are.
   *
   * @param minNotional decimal string, in quote; `0`: none
   * @throws PincexError `invalid_argument`
   */
  async setMinNotional(symbol: string, minNotional: string): Promise<Market> {
    const market = await this.#market(symbol);
    leastValueOf(symbol, requireText('least order value', minNotional), market.quote);
    await this.#database.query(updateMinNotional, [symbol, minNotional]);
    return marketOf(await this.reread(), symbol);
  }

  /**
   * Sets the range of prices at which trades of a market may be settled, both ends included. A trade at another price is
   * rejected, whatever its orders say. Other processes learn of it with their next report, within ten seconds. Trades that were
   * settled before are still replayed.
   *
   * @param band decimal strings, in quote; `null`: any price
   * @throws PincexError `invalid_argument`
   */
  async setPriceBand(
    symbol: string,
    band: { readonly lowest: string; readonly highest: string } | null,
  ): Promise<Market> {
    const market = await this.#market(symbol);
    const given = readOptions<Ends>('setPriceBand', band, ENDS);
    const { lowest, highest } =
      band === null ? NO_BAND : priceBandOf(symbol, given.lowest, given.highest, market.priceScale);
    await this.#database.query(updatePriceBand, [symbol, lowest, highest]);
    return marketOf(await this.reread(), symbol);
  }

  async #market(symbol: string): Promise<Market> {
    const market = (await this.reread()).markets.get(symbol);
    if (market !== undefined) return market;
    throw new PincexError('invalid_argument', `symbol must be that of a market: got ${describe(symbol)}`);
  }

  /** Reads the tables anew. */
  reread(session?: Session): Promise<Catalog> {
    this.#readAt = performance.now();
    const reading = readTables(session ?? this.#database);
    this.#catalog = reading;
    reading.catch(() => {
      if (this.#catalog === reading) this.#catalog = undefined;
    });
    return reading;
  }
}

refuseSurplus(CatalogStore);

type Ends = Pick<PriceBand, 'lowest' | 'highest'>;
const ENDS = namesOf<Ends>({ lowest: true, highest: true });
const NO_BAND = { lowest: null, highest: null } as const;

async function readTables(session: Session): Promise<Catalog> {
  const currencyRows = await session.query<{ code: string; scale: string }>(readCurrencies);
  const marketRows = await session.query<MarketRow>(readMarkets);
  const currencies = new Map(currencyRows.map(({ code, scale }) => [code, { code, scale: Number(scale) }]));
  const markets = new Map(marketRows.map((row) => [row.symbol, toMarket(row, currencies)]));
  return { currencies, markets };
}

function toMarket(row: MarketRow, currencies: ReadonlyMap<string, Currency>): Market {
  const base = currencies.get(row.base);
  const quote = currencies.get(row.quote);
  if (base === undefined || quote === undefined)
    throw new RangeError(`The stored market ${row.symbol} names a currency that does not exist`);
  const tickSize = trimDecimal(requireText('tick size', row.tick_size));
  const lotSize = trimDecimal(requireText('lot size', row.lot_size));
  const minNotional = trimDecimal(requireText('least order value', row.min_notional));
  const priceScale = tickSize.split('.')[1]?.length ?? 0;
  return {
    symbol: row.symbol,
    base,
    quote,
    tickSize,
    lotSize,
    priceScale,
    tick: size(`tick size of ${row.symbol}`, tickSize, limits.books.scale, priceScale),
    lot: size(`lot size of ${row.symbol}`, lotSize, base.scale, base.scale),
    minNotional,
    leastValue: leastValueOf(row.symbol, minNotional, quote),
    priceBand:
      row.lowest_price === null
        ? null
        : priceBandOf(row.symbol, row.lowest_price, row.highest_price, priceScale),
  };
}

const termsOf = ({ tickSize, lotSize, minNotional }: Market) => [tickSize, lotSize, minNotional] as const;

function leastValueOf(symbol: string, minNotional: string, { scale }: Currency): bigint {
  const value = parseAmount(minNotional, scale, limits.books.integerDigits);
  if (typeof value === 'bigint') return value;
  throw new PincexError(
    'invalid_argument',
    `The least order value of ${symbol} ${value}: got ${describe(minNotional)}`,
  );
}

function priceBandOf(symbol: string, lowest: unknown, highest: unknown, scale: number): PriceBand {
  const [low, high] = [lowest, highest].map((price) => trimDecimal(requireText('price', price)));
  const [least, most] = [low, high].map((price) =>
    size(`price band of ${symbol}`, price ?? '', limits.books.scale, scale),
  );
  if (low !== undefined && high !== undefined && least !== undefined && most !== undefined && least <= most)
    return { lowest: low, highest: high, least, most };
  const message = `The price band of ${symbol} must end no lower than it begins: got ${describe(lowest)} to ${describe(highest)}`;
  throw new PincexError('invalid_argument', message);
}

function requireText(what: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new PincexError('invalid_argument', `The ${what} must be a text: got ${describe(value)}`);
}

function size(what: string, text: string, most: number, scale: number): bigint {
  const parsed =
    scale > most
      ? `must have at most ${most} decimals`
      : parseAmount(text, scale, limits.books.integerDigits);
  const reason = parsed === 0n ? 'must be more than zero' : parsed;
  if (typeof reason === 'string')
    throw new PincexError('invalid_argument', `The ${what} ${reason}: got ${describe(text)}`);
  return reason;
}
