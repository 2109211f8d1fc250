import { audit, type AuditReport } from './audit/audit.ts';
import type { ApiKeys } from './apiKeys/store.ts';
import type { CatalogStore } from './catalog/store.ts';
import type { MixedItem } from './commands/index.ts';
import type { Config } from './config/load.ts';
import type { Session } from './database/database.ts';
import type { Diagnostics } from './diagnostics.ts';
import { diagnose, doctorOptions } from './doctor/doctor.ts';
import type { DoctorReport } from './doctor/report.ts';
import type { BatchOptions } from './engine/options.ts';
import { ping, type AppliedRow } from './migrations/history.ts';
import { requireSchema } from './migrations/states.ts';
import type { PincexOptions } from './opening/options.ts';
import { openParts, type Parts } from './opening/parts.ts';
import type { AccountView } from './reads/accounts.ts';
import type { JournalEntryView } from './reads/journal.ts';
import type { OperationView } from './reads/operations.ts';
import type { OrderView } from './reads/orders.ts';
import type { TradeView } from './reads/trades.ts';
import type { BatchResult } from './results.ts';
import type { Bookkeeper } from './services/bookkeeper.ts';
import type { Run } from './services/executor.ts';
import type { Swept } from './services/sweeper.ts';
import type { Trading } from './services/trading.ts';
import type { PincexTransaction } from './services/transaction.ts';
import type { Statistics } from './statistics/statistics.ts';
import { accounts, journal, operations, orders, trades } from './streams/sources.ts';
import type { RowStream, StreamOptions } from './streams/stream.ts';
import { refuseSurplus } from './surplus.ts';

/** By this `console.log` asks; named as text, so that the types of the package need none of Node.js. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** An exchange's books. One for a process; close it when done. */
export class Pincex {
  /** What it was opened with. */
  readonly config: Config;
  /** Accounts and funds. */
  readonly bookkeeper: Bookkeeper;
  /** Orders and trades. */
  readonly trading: Trading;
  /** Currencies and markets. */
  readonly catalog: CatalogStore;
  /** Where the books are, `postgres://…`: the configured server, or the embedded one; to be shown, without its password. */
  readonly url: string;
  /** The keys of the HTTP service. */
  readonly apiKeys: ApiKeys;
  /** @internal The pool, for tables beside the books: the service keeps its keys and its calls there. Closing waits for it. */
  readonly session: Session;
  /**
   * Runs a batch with settings that only the service has, such as what is written with it.
   *
   * @internal
   */
  readonly run: Run;
  /** What this process counts about itself. */
  readonly statistics: Statistics;
  /** @internal Where its parts tell what they do. */
  readonly diagnostics: Diagnostics;
  /** @internal Fulfilled once the embedded server has ended; never where it is a server of one's own. */
  readonly serverEnded: Promise<void>;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.config = parts.config;
    this.url = parts.url;
    this.bookkeeper = parts.bookkeeper;
    this.trading = parts.trading;
    this.catalog = parts.catalog;
    this.apiKeys = parts.apiKeys;
    this.session = parts.session;
    this.run = parts.run;
    this.statistics = parts.statistics;
    this.diagnostics = parts.diagnostics;
    this.serverEnded = parts.server?.ended ?? new Promise(() => undefined);
  }

  /**
   * Opens the books. Without `database.url` it starts the embedded server, or uses the one that another process
   * started for the same data folder, and migrates it; a server of your own you migrate with `pincex migrate up`.
   *
   * @throws PincexError `invalid_argument`, `invalid_configuration`, `server_not_startable`, `migration_failed`,
   * `database_unavailable`
   */
  static async open(options?: PincexOptions): Promise<Pincex> {
    return new Pincex(await openParts(options));
  }

  /** What a driver connects by: {@link url} with its password. */
  get connectionString(): string {
    return this.#parts.connectionString;
  }

  /** What `JSON.stringify` shows of it. The configuration has passwords. */
  toJSON(): Pick<Pincex, 'url'> {
    return { url: this.url };
  }

  /** What `console.log` shows of it. */
  [INSPECT](): string {
    return `Pincex ${this.url}`;
  }

  /**
   * Runs a batch that mixes commands, such as a lock, an order and a trade; each item names its `command`.
   *
   * @throws PincexError where the whole call fails: see `docs/results-and-errors.md`
   */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>> {
    return this.#parts.execute('mixed', items, options);
  }

  /**
   * Runs `work` in one transaction: its batches, and statements of the caller's, are committed together when it
   * returns and rolled back together when it throws. Batches lock their rows until then, so keep it short. After
   * a deadlock or a serialization failure nothing has been written, and `work` is run again from its beginning.
   *
   * @throws PincexError `invalid_argument`, `conflict`, `database_unavailable`, `database_refused`, `outcome_unknown`,
   * `transaction_aborted`, also for statements on `tx.client`: the error of the driver is then its `cause`; and whatever else
   * `work` throws
   */
  transaction<Result>(work: (tx: PincexTransaction) => Promise<Result>): Promise<Result> {
    return this.#parts.calls.run(() => this.#parts.transactions.run(work));
  }

  /** Expires orders and returns holds whose time is over. Call it every second or so, from any process. */
  sweepExpired(): Promise<Swept> {
    return this.#parts.calls.run(() => this.#parts.sweeper.sweep());
  }

  /**
   * Whether the books can be reached, on a server that takes writes, and their schema is that of this version.
   *
   * @throws PincexError `database_unavailable`, `database_refused`, `pool_exhausted`, `migration_failed`
   */
  async ping(): Promise<void> {
    await this.#parts.calls.run(() => this.#parts.database.ping());
    await requireSchema(this.#parts.migrations, () => this.session.query<AppliedRow>(ping));
  }

  /**
   * Proves the books from the tables alone.
   *
   * @throws PincexError `database_unavailable`, `migration_failed` where the schema is not that of this version
   */
  audit(): Promise<AuditReport> {
    return this.#parts.calls.run(() => audit(this.#parts.database, this.#parts.migrations));
  }

  /**
   * Looks for what troubles the database and the processes that use it, and says what to do.
   *
   * @throws PincexError `database_unavailable`
   */
  doctor(): Promise<DoctorReport> {
    return this.#parts.calls.run(async () => {
      // What this process counted until now is looked at too.
      await this.#parts.reporter.report();
      return diagnose(doctorOptions(this.config, this.connectionString));
    });
  }

  /**
   * Every account, by user and currency, in flat memory. See {@link RowStream} for what it sees.
   *
   * @throws PincexError `invalid_argument`
   */
  streamAccounts(options?: StreamOptions): RowStream<AccountView> {
    return this.#parts.stream(accounts, options);
  }

  /** Every order, by user and id, as {@link streamAccounts}. */
  streamOrders(options?: StreamOptions): RowStream<OrderView> {
    return this.#parts.stream(orders, options);
  }

  /** Both sides of every trade, by user, id and side, as {@link streamAccounts}. */
  streamTrades(options?: StreamOptions): RowStream<TradeView> {
    return this.#parts.stream(trades, options);
  }

  /** Every step of every account, by user, currency and version, as {@link streamAccounts}. */
  streamJournal(options?: StreamOptions): RowStream<JournalEntryView> {
    return this.#parts.stream(journal, options);
  }

  /** Every item that was applied, and who sent it, by user, kind and id, as {@link streamAccounts}. */
  streamOperations(options?: StreamOptions): RowStream<OperationView> {
    return this.#parts.stream(operations, options);
  }

  /**
   * Waits for what is under way, closes the connections, and stops the embedded server unless another process uses it.
   * Calling it again waits for the same.
   */
  close(): Promise<void> {
    return this.#parts.close();
  }
}

refuseSurplus(Pincex);
