import { v7 as uuidv7 } from 'uuid';
import type { Books, LoadedBooks } from '../books/books.ts';
import { CatalogBehind } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/store.ts';
import type { BatchType } from '../commands/index.ts';
import type { Database } from '../database/database.ts';
import { failureOf } from '../database/failures.ts';
import { Attempts, persistently } from '../database/retry.ts';
import { Diagnostics } from '../diagnostics.ts';
import type { BatchResult } from '../results.ts';
import { needsNoBooks, prepare, resultOf, type Batch, type Decided } from './batch.ts';
import { Contention } from './contention.ts';
import { CutOff } from './cutOff.ts';
import { errorOf, outcomeUnknown } from './failed.ts';
import type { BatchSettings } from './options.ts';
import { copyBatch, readBatchId, readerOf, requireBatch, type Reader } from './read.ts';
import { decideWithoutBooks, step } from './step.ts';
import { runWithin, type Within } from './within.ts';

/**
 * How a batch is kept apart from others that run at the same time.
 *
 * - `guard`: read without locks, write only over the versions read; whoever loses decides anew. Two statements.
 * - `lock`: lock the rows in one order first, in a transaction; nothing is lost, others wait.
 * - `auto`: guard, unless rows of the batch collided a moment ago; lock after a lost guard.
 */
export type Strategy = (typeof STRATEGIES)[number];

export const STRATEGIES = ['auto', 'guard', 'lock'] as const;

/** Tells of changed books: that they were committed, or that nobody knows whether they were. */
export type Publish = (books: Books, state: 'committed' | 'in doubt') => Promise<void>;

export interface EngineListeners {
  /** Told of every commit before its caller is. */
  readonly publish?: Publish;
  /** Where batches are told. Default: where nobody listens. */
  readonly diagnostics?: Diagnostics;
}

/** After these nothing was written, or it can be looked up: the batch is tried again. */
const AGAIN = ['guard_lost', 'collision', 'refused', 'disconnected'] as const;

/** The one way in which money moves: load, decide, persist. */
export class Engine {
  readonly #database: Database;
  readonly #catalog: CatalogStore;
  readonly #strategy: Strategy;
  readonly #publish: Publish;
  readonly #diagnostics: Diagnostics;
  readonly #contention = new Contention();

  /**
   * @param strategy other than `auto` only to measure or test one way by itself
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
   * Runs a batch: the one door to the engine, for the methods of callers, the sweeper and the service alike.
   *
   * @param command what the items are: all of one type, or `mixed`; or a reader, for commands that no caller can send
   * @param items as they were sent: each is looked at here
   * @param within the caller's transaction, which then holds the locks until it ends, and publishes what it commits
   * @throws PincexError where the whole call fails: `invalid_batch`, `batch_too_large`, `conflict`,
   * `database_unavailable`, `pool_exhausted`, `outcome_unknown`
   */
  async run<Data = unknown>(
    command: BatchType | Reader,
    items: readonly unknown[],
    settings: BatchSettings = {},
    within?: Within,
  ): Promise<BatchResult<Data>> {
    const began = performance.now();
    const { mode = 'partial', batchId: ownId, actor = null, markets, writeWith = [] } = settings;
    const reader = typeof command === 'function' ? command : readerOf(command);
    const read = copyBatch(items, requireBatch(items, mode), reader);
    const batchId = ownId === undefined ? uuidv7() : readBatchId(ownId);
    const begun = () => ({ batchId });
    return this.#diagnostics.trace('batch', begun, async () => {
      const prepared = await persistently(() => prepare(read, this.#catalog, within?.session), AGAIN);
      const batch: Batch = {
        ...prepared,
        batchId,
        actor,
        mode,
        began,
        markets,
        writeWith,
        hashes: new Map(),
        isReread: false,
        seeksOrphans: false,
      };
      const decision = await this.#decideAndWrite(batch, within).catch(async (error: unknown) => {
        if (!(error instanceof CatalogBehind)) throw error;
        const catalog = await this.#catalog.reread(within?.session);
        return this.#decideAndWrite({ ...batch, catalog, isReread: true }, within);
      });
      return resultOf(batch, decision) as BatchResult<Data>;
    });
  }

  /** Decides a batch, and writes it where there is something to write. */
  async #decideAndWrite(batch: Batch, within: Within | undefined): Promise<Decided> {
    if (needsNoBooks(batch)) return decideWithoutBooks(batch);
    return within === undefined ? this.#runAlone(batch) : runWithin(batch, within);
  }

  /** Tries until the batch is written over what it was decided from, or the bounds are reached. */
  async #runAlone(batch: Batch): Promise<Decided> {
    const cutOff = new CutOff();
    const attempts = new Attempts();
    try {
      return await persistently(() => this.#attempt(batch, cutOff), AGAIN, attempts);
    } catch (error) {
      if (cutOff.isEmpty) throw errorOf(error, batch.batchId, attempts);
      for (const { books } of cutOff.decisions) await this.#publish(books, 'in doubt');
      throw outcomeUnknown(error, batch.batchId, attempts);
    }
  }

  async #attempt(batch: Batch, cutOff: CutOff): Promise<Decided> {
    const decision =
      this.#begins(batch, cutOff) === 'guard'
        ? await this.#guarded(batch, cutOff)
        : await this.#locked(batch, cutOff);
    await this.#publish(decision.books, 'committed');
    return decision;
  }

  /** After a cut the lock comes first: it waits until the server is done with what was cut off. */
  #begins({ keys }: Batch, cutOff: CutOff): 'guard' | 'lock' {
    if (this.#strategy !== 'auto') return this.#strategy;
    return !cutOff.isEmpty || this.#contention.expects(keys) ? 'lock' : 'guard';
  }

  async #guarded(batch: Batch, cutOff: CutOff): Promise<Decided> {
    let read: LoadedBooks | undefined;
    const onLoaded = (loaded: LoadedBooks): void => {
      read = loaded;
    };
    try {
      return await cutOff.watch((onDecided) =>
        step(this.#database, batch, { lock: false, cutOff, onLoaded, onDecided }),
      );
    } catch (error) {
      if (failureOf(error) !== 'guard_lost' || this.#strategy === 'guard') throw error;
      return this.#locked(batch, cutOff, read);
    }
  }

  /** @param lost what was read before a guard was lost */
  async #locked(batch: Batch, cutOff: CutOff, lost?: LoadedBooks): Promise<Decided> {
    const onLoaded = (loaded: LoadedBooks): void => {
      if (lost !== undefined) this.#contention.learn(batch.keys, lost, loaded);
    };
    return cutOff.watch((onDecided) =>
      this.#database.transaction((session) =>
        step(session, batch, { lock: true, cutOff, onLoaded, onDecided }),
      ),
    );
  }
}
