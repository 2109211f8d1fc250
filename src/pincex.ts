import type { AuditReport } from './audit/audit.ts';
import type { MixedItem } from './commands/index.ts';
import type { Session } from './database/database.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { DoctorReport } from './doctor/report.ts';
import type { BatchOptions } from './engine/options.ts';
import { auditBooks, examine, reach } from './opening/checks.ts';
import type { PincexOptions } from './opening/options.ts';
import { openParts, type Parts, type PoolStates } from './opening/parts.ts';
import type { BatchResult } from './results.ts';
import type { RunBatch } from './services/executor.ts';
import type { Swept } from './services/sweeper.ts';
import type { PincexTransaction } from './services/transaction.ts';
import type { PerformanceMonitor } from './monitor/performanceMonitor.ts';
import type { Statistics } from './monitor/statistics.ts';
import { PublicParts } from './opening/publicParts.ts';
import { refuseSurplus } from './surplus.ts';

/** The method that `console.log` calls. The symbol is made by its name, so that the package's types need none of Node.js. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** The books of an exchange. A process needs one, and closes it at its end. */
export class Pincex extends PublicParts {
  /** @internal The pool, for the service's own tables of keys and calls. `close` waits for its queries. */
  readonly session: Session;
  /**
   * Runs a batch with settings that only the service has, such as rows of its own that are written in the same transaction.
   *
   * @internal
   */
  readonly run: RunBatch;
  /** The counters of this process. */
  readonly statistics: Statistics;
  /** Measures the batches and reads of this Pincex, and any code of the caller. */
  readonly monitor: PerformanceMonitor;
  /** @internal The connections of each pool now. */
  readonly pools: () => PoolStates;
  /** @internal The messages of its parts. */
  readonly diagnostics: Diagnostics;
  /** @internal Fulfilled when the embedded server has ended; never fulfilled if the server is your own. */
  readonly serverEnded: Promise<void>;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    super(parts);
    this.#parts = parts;
    this.session = parts.session;
    this.run = parts.run;
    this.statistics = parts.statistics;
    this.monitor = parts.statistics.monitor;
    this.pools = parts.pools;
    this.diagnostics = parts.diagnostics;
    this.serverEnded = parts.server?.ended ?? new Promise(() => undefined);
  }

  /**
   * Opens the books. Without `database.url` it starts the embedded server, or uses the one that another process
   * started for the same data folder, and migrates it. A server of your own is migrated by `pincex migrate up`.
   *
   * @throws PincexError `invalid_argument`, `invalid_configuration`, `server_not_startable`, `migration_failed`,
   * `database_unavailable`
   *
   * @example
   * ```ts
   * const pincex = await Pincex.open();
   * console.log(await pincex.bookkeeper.getAccount('alice', 'USD'));
   * await pincex.close();
   * ```
   */
  static async open(options?: PincexOptions): Promise<Pincex> {
    return new Pincex(await openParts(options));
  }

  /** {@link url} with its password, for a driver. */
  get connectionString(): string {
    return this.#parts.connectionString;
  }

  /** Makes `JSON.stringify` leave out the configuration, which has passwords. */
  toJSON(): Pick<Pincex, 'url'> {
    return { url: this.url };
  }

  /** Makes `console.log` leave out the configuration, which has passwords. */
  [INSPECT](): string {
    return `Pincex ${this.url}`;
  }

  /**
   * Runs a batch that mixes commands, such as a lock, an order and a trade; each item names its `command`.
   *
   * @throws PincexError if the whole call fails: see `docs/results-and-errors.md`
   *
   * @example
   * ```ts
   * const { results } = await pincex.execute([
   *   { command: 'deposit', id: 'd1', userId: 'alice', currency: 'USD', amount: '100' },
   *   { command: 'lockFunds', id: 'l1', userId: 'alice', currency: 'USD', amount: '10.5', orderId: 'o1' },
   * ]);
   * for (const { index, status } of results) console.log(index, status);
   * ```
   */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>> {
    return this.#parts.execute('mixed', items, options);
  }

  /**
   * Runs `work` in one transaction: its batches and its own statements are committed together when it returns, and rolled
   * back together when it throws. Batches hold their row locks until then, so keep it short. After a deadlock or a
   * serialization failure nothing has been written, and `work` is run again from its beginning.
   *
   * @throws PincexError `invalid_argument`, `conflict`, `database_unavailable`, `database_refused`, `outcome_unknown`,
   * `transaction_aborted`, also for statements on `tx.client`, with the driver's error as `cause`; and any other error of `work`
   *
   * @example
   * ```ts
   * await pincex.transaction(async ({ bookkeeper, client }) => {
   *   await client.query(`INSERT INTO payouts (id) VALUES ('p1')`);
   *   const payout = { id: 'p1', userId: 'alice', currency: 'USD', amount: '60' };
   *   const { failedItems } = await bookkeeper.batchWithdraw([payout]);
   *   for (const { message } of failedItems.values()) throw new Error(message);
   * });
   * ```
   */
  transaction<Result>(work: (tx: PincexTransaction) => Promise<Result>): Promise<Result> {
    return this.#parts.calls.run(() => this.#parts.transactions.run(work));
  }

  /** Expires orders and releases holds whose time is over. Call it about every second, from any process. */
  sweepExpired(): Promise<Swept> {
    return this.#parts.calls.run(() => this.#parts.sweeper.sweep());
  }

  /**
   * Checks that the books can be reached on a server that takes writes, and that their schema is that of this version.
   *
   * @throws PincexError `database_unavailable`, `database_refused`, `pool_exhausted`, `migration_failed`
   */
  ping(): Promise<void> {
    return this.#parts.calls.run(() => reach(this.#parts));
  }

  /**
   * Proves that the books add up, from the tables alone, and stores whether they do: an audit that found something raises an
   * alert until one finds nothing.
   *
   * @throws PincexError `database_unavailable`, `migration_failed` if the schema is not that of this version
   */
  audit(): Promise<AuditReport> {
    return this.#parts.calls.run(() => auditBooks(this.#parts));
  }

  /**
   * Looks for problems of the database and of the processes that use it, and proposes remedies.
   *
   * @throws PincexError `database_unavailable`
   */
  doctor(): Promise<DoctorReport> {
    return this.#parts.calls.run(() => examine(this.#parts));
  }

  /**
   * Waits for the calls in flight, closes the connections, and stops the embedded server unless another process uses it.
   * A second call waits for the first.
   */
  close(): Promise<void> {
    return this.#parts.close();
  }
}

refuseSurplus(Pincex);
