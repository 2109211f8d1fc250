import type { AccountView } from '../reads/accounts.ts';
import type { JournalEntryView } from '../reads/journal.ts';
import type { OperationView } from '../reads/operations.ts';
import type { OrderView } from '../reads/orders.ts';
import type { TradeView } from '../reads/trades.ts';
import { refuseSurplus } from '../surplus.ts';
import { accounts, journal, operations, orders, trades, type Source } from './sources.ts';
import type { RowStream, StreamOptions } from './stream.ts';

/** Opens the stream of a table. */
export interface StreamOpener {
  stream<View>(source: Source<View>, options?: StreamOptions): RowStream<View>;
}

/** The streams of whole tables, one method for each. */
export abstract class TableStreams {
  readonly #opener: StreamOpener;

  /** @internal */
  constructor(opener: StreamOpener) {
    this.#opener = opener;
  }

  /**
   * Every account, by user and currency, in flat memory. {@link RowStream} says what it sees while accounts change.
   *
   * @throws PincexError `invalid_argument`
   *
   * @example
   * ```ts
   * for await (const { userId, currency, balance } of pincex.streamAccounts()) {
   *   console.log(userId, currency, balance);
   * }
   * ```
   */
  streamAccounts(options?: StreamOptions): RowStream<AccountView> {
    return this.#opener.stream(accounts, options);
  }

  /** Every order, by user and id: see {@link streamAccounts}. */
  streamOrders(options?: StreamOptions): RowStream<OrderView> {
    return this.#opener.stream(orders, options);
  }

  /** Both sides of every trade, by user, id and side: see {@link streamAccounts}. */
  streamTrades(options?: StreamOptions): RowStream<TradeView> {
    return this.#opener.stream(trades, options);
  }

  /** Every journal entry of every account, by user, currency and version: see {@link streamAccounts}. */
  streamJournal(options?: StreamOptions): RowStream<JournalEntryView> {
    return this.#opener.stream(journal, options);
  }

  /** Every item that was applied, with its sender, by user, kind and id: see {@link streamAccounts}. */
  streamOperations(options?: StreamOptions): RowStream<OperationView> {
    return this.#opener.stream(operations, options);
  }
}

refuseSurplus(TableStreams);
