import type { Session } from '../database/database.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { nearest } from '../known.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogStore } from './store.ts';

/**
 * Refuses reads of currencies and markets that do not exist: an answer without rows would look as if the user had no money and
 * no orders. For a code that this process does not know, the tables are read again, at most once a second, since another
 * process may have added it.
 */
export class KnownCodes {
  readonly #store: CatalogStore;
  readonly #session: Session | undefined;

  /** @param session the session of a transaction, whose connection is used for the tables */
  constructor(store: CatalogStore, session?: Session) {
    this.#store = store;
    this.#session = session;
  }

  /** @throws PincexError `unknown_currency` */
  requireCurrencies(codes: readonly string[]): Promise<void> {
    return this.#require('currency', codes, ({ currencies }) => currencies);
  }

  /** @throws PincexError `unknown_market` */
  requireMarkets(symbols: readonly string[]): Promise<void> {
    return this.#require('market', symbols, ({ markets }) => markets);
  }

  async #require(
    what: 'currency' | 'market',
    names: readonly string[],
    of: (catalog: Catalog) => ReadonlyMap<string, unknown>,
  ): Promise<void> {
    const missing = (catalog: Catalog) => names.find((name) => !of(catalog).has(name));
    let catalog = await this.#store.known(this.#session);
    if (missing(catalog) === undefined) return;
    // If the tables were asked less than a second ago, the answer may still be in flight: `known` waits for it.
    catalog = (await this.#store.refreshed(this.#session)) ?? (await this.#store.known(this.#session));
    const name = missing(catalog);
    if (name === undefined) return;
    const near = nearest(name, of(catalog).keys());
    const hint = near === undefined ? 'none was added yet' : `the nearest is ${near}`;
    throw new PincexError(`unknown_${what}`, `${describe(name)} is no ${what} that was added: ${hint}`);
  }
}
