import { v7 as uuidv7 } from 'uuid';
import type { Books, LoadedBooks } from '../books/books.ts';
import { CatalogBehind } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/store.ts';
import type { BatchType } from '../commands/index.ts';
import { operationNames, SWEEP } from '../commands/operationNames.ts';
import type { Database } from '../database/database.ts';
import { failureOf } from '../database/failures.ts';
import { Attempts, persistently } from '../database/retry.ts';
import { Diagnostics } from '../diagnostics.ts';
import type { BatchResult } from '../results.ts';
import { needsNoBooks, prepare, resultOf, type Batch, type Decided } from './batch.ts';
import { Contention } from './attempts/contention.ts';
import { InDoubtDecisions } from './attempts/inDoubt.ts';
import { batchErrorOf, outcomeUnknown } from './attempts/batchErrors.ts';
import { Effort } from './effort.ts';
import type { BatchSettings } from './options.ts';
import { copyBatch, readBatchId, readerOf, requireBatch, type Reader } from './read.ts';
import { decideWithoutBooks, step } from './step.ts';
import { runInTransaction, type CallerTransaction } from './attempts/callerTransaction.ts';

/**
 * How a batch is isolated from others that run at the same time.
 *
 * - `guard`: read without locks and write only over the versions that were read (optimistic). A batch whose guard is lost is
 *   decided again. Two statements.
 * - `lock`: first lock the rows in one fixed order, in a transaction (pessimistic). No guard is lost; other batches wait.
 * - `auto`: guard, or lock if rows of the batch collided a moment ago; lock after a lost guard.
 */
export type Strategy = (typeof STRATEGIES)[number];

export const STRATEGIES = ['auto', 'guard', 'lock'] as const;

/** Publishes changed books: they were committed, or it is not known whether they were. */
export type Publish = (books: Books, state: 'committed' | 'in doubt') => Promise<void>;

export interface EngineListeners {
  /** Called for every commit before the caller gets the result. */
  readonly publish?: Publish;
  /** The channels on which batches are traced. Default: ones without a listener. */
  readonly diagnostics?: Diagnostics;
}

/** The name that a batch is measured under: `batch_lock_funds`. */
const operationOf = (command: BatchType | Reader): string =>
  typeof command === 'function' ? SWEEP : operationNames[command];

/** After these failures nothing was written, or a lookup tells whether it was: the batch is retried. */
const RETRIED = ['guard_lost', 'collision', 'refused', 'disconnected'] as const;

/** The only place that moves money: load, decide, persist. */
export class Engine {
  readonly #database: Database;
  readonly #catalog: CatalogStore;
  readonly #strategy: Strategy;
  readonly #publish: Publish;
  readonly #diagnostics: Diagnostics;
  readonly #contention = new Contention();

  /**
   * @param strategy other than `auto` only to measure or test one strategy by itself
   */
  constructor(
    database: Database,
    catalog: CatalogStore,
    strategy: Strategy = 'auto',
    { publish = () => Promise.resolve(), diagnostics = new Diagnostics() }: EngineListeners = {},
  ) {
    this.#database = database;
    this.#catalog = catalog;
    this.#strategy = strategy;
    this.#publish = publish;
    this.#diagnostics = diagnostics;
  }

  /**
   * Runs a batch: the one entry to the engine, for the public methods, the sweeper and the HTTP service.
   *
   * @param command the type of all items, or `mixed`; or a reader, for commands that no caller can send
   * @param items as they were sent; each is checked here
   * @param transaction the caller's transaction. It holds the locks until it ends, and its books are published after its commit
   * @throws PincexError if the whole call fails: `invalid_batch`, `batch_too_large`, `conflict`,
   * `database_unavailable`, `pool_exhausted`, `outcome_unknown`
   */
  async run<Data = unknown>(
    command: BatchType | Reader,
    items: readonly unknown[],
    settings: BatchSettings = {},
    transaction?: CallerTransaction,
  ): Promise<BatchResult<Data>> {
    const began = performance.now();
    const { mode = 'partial', batchId: ownId, actor = null, markets, writeWith = [] } = settings;
    const reader = typeof command === 'function' ? command : readerOf(command);
    const read = copyBatch(items, requireBatch(items, mode), reader);
    const batchId = ownId === undefined ? uuidv7() : readBatchId(ownId);
    const effort = new Effort();
    const begun = () => ({ batchId, operation: operationOf(command), items: items.length, effort });
    return this.#diagnostics.trace('batch', begun, async () => {
      const prepared = await persistently(() => prepare(read, this.#catalog, transaction?.session), RETRIED);
      const batch: Batch = {
        ...prepared,
        batchId,
        actor,
        mode,
        began,
        effort,
        markets,
        writeWith,
        hashes: new Map(),
        hasFreshCatalog: false,
        seeksOrphans: false,
      };
      const decision = await this.#decideAndWrite(batch, transaction).catch(async (error: unknown) => {
        if (!(error instanceof CatalogBehind)) throw error;
        const catalog = await this.#catalog.reread(transaction?.session);
        return this.#decideAndWrite({ ...batch, catalog, hasFreshCatalog: true }, transaction);
      });
      return resultOf(batch, decision) as BatchResult<Data>;
    });
  }

  async #decideAndWrite(batch: Batch, transaction: CallerTransaction | undefined): Promise<Decided> {
    if (needsNoBooks(batch)) return decideWithoutBooks(batch);
    return transaction === undefined
      ? this.#runAlone(batch)
      : runInTransaction(batch, transaction, this.#diagnostics);
  }

  /** Retries until the batch is written over the versions that it was decided from, or the bounds on retries are reached. */
  async #runAlone(batch: Batch): Promise<Decided> {
    const inDoubt = new InDoubtDecisions();
    const attempts = new Attempts();
    try {
      return await persistently(() => this.#attempt(batch, inDoubt), RETRIED, attempts);
    } catch (error) {
      if (inDoubt.isEmpty) throw batchErrorOf(error, batch.batchId, attempts);
      for (const { books } of inDoubt.decisions) await this.#publish(books, 'in doubt');
      throw outcomeUnknown(error, batch.batchId, attempts);
    }
  }

  async #attempt(batch: Batch, inDoubt: InDoubtDecisions): Promise<Decided> {
    const decision =
      this.#firstStrategy(batch, inDoubt) === 'guard'
        ? await this.#guarded(batch, inDoubt)
        : await this.#locked(batch, inDoubt);
    batch.effort.begin('publish');
    await this.#publish(decision.books, 'committed');
    batch.effort.end();
    return decision;
  }

  /**
   * After a connection broke, an attempt begins with the lock: it waits until the server has finished the statement that was
   * sent on that connection.
   */
  #firstStrategy({ keys }: Batch, inDoubt: InDoubtDecisions): 'guard' | 'lock' {
    if (this.#strategy !== 'auto') return this.#strategy;
    return !inDoubt.isEmpty || this.#contention.expects(keys) ? 'lock' : 'guard';
  }

  async #guarded(batch: Batch, inDoubt: InDoubtDecisions): Promise<Decided> {
    const diagnostics = this.#diagnostics;
    let read: LoadedBooks | undefined;
    const onLoaded = (loaded: LoadedBooks): void => {
      read = loaded;
    };
    try {
      return await inDoubt.watch((onDecided) =>
        step(batch.effort.counting(this.#database), batch, {
          lock: false,
          diagnostics,
          inDoubt,
          onLoaded,
          onDecided,
        }),
      );
    } catch (error) {
      if (failureOf(error) !== 'guard_lost' || this.#strategy === 'guard') throw error;
      return this.#locked(batch, inDoubt, read);
    }
  }

  /** @param lost the books that were read before the guard was lost */
  async #locked(batch: Batch, inDoubt: InDoubtDecisions, lost?: LoadedBooks): Promise<Decided> {
    const diagnostics = this.#diagnostics;
    const onLoaded = (loaded: LoadedBooks): void => {
      if (lost !== undefined) this.#contention.learn(batch.keys, lost, loaded);
    };
    // BEGIN, and COMMIT or ROLLBACK.
    batch.effort.statements += 2;
    return inDoubt.watch((onDecided) =>
      this.#database.transaction((session) =>
        step(batch.effort.counting(session), batch, {
          lock: true,
          diagnostics,
          inDoubt,
          onLoaded,
          onDecided,
        }),
      ),
    );
  }
}
