import type { Alerts } from '../alerts/store.ts';
import type { ApiKeys } from '../apiKeys/store.ts';
import type { CatalogStore } from '../catalog/store.ts';
import type { Config } from '../config/load.ts';
import type { Bookkeeper } from '../services/bookkeeper.ts';
import type { Lookup } from '../services/lookup.ts';
import type { Trading } from '../services/trading.ts';
import { TableStreams } from '../streams/tableStreams.ts';
import type { Parts } from './parts.ts';

/** The parts of a Pincex that callers use by themselves. */
export class PublicParts extends TableStreams {
  /** The configuration that it was opened with. */
  readonly config: Config;
  /** Accounts and funds. */
  readonly bookkeeper: Bookkeeper;
  /** Orders and trades. */
  readonly trading: Trading;
  /** What support asks for: histories in pages. */
  readonly lookup: Lookup;
  /** Currencies and markets. */
  readonly catalog: CatalogStore;
  /** The URL of the books, `postgres://…`, without its password: that of the configured server or of the embedded one. */
  readonly url: string;
  /** The API keys of the HTTP service. */
  readonly apiKeys: ApiKeys;
  /** The alerts of all processes on these books. */
  readonly alerts: Alerts;

  /** @internal */
  protected constructor(parts: Parts) {
    super(parts);
    this.config = parts.config;
    this.url = parts.url;
    this.bookkeeper = parts.bookkeeper;
    this.trading = parts.trading;
    this.lookup = parts.lookup;
    this.catalog = parts.catalog;
    this.apiKeys = parts.apiKeys;
    this.alerts = parts.alerts;
  }
}
