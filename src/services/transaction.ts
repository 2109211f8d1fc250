import type { Books } from '../books/books.ts';
import { KnownCodes } from '../catalog/knownCodes.ts';
import type { CatalogStore } from '../catalog/store.ts';
import type { MixedItem } from '../commands/index.ts';
import type { Database, TransactionClient } from '../database/database.ts';
import { failureOf } from '../database/failures.ts';
import { Attempts, persistently } from '../database/retry.ts';
import { describe } from '../describe.ts';
import type { Engine } from '../engine/engine.ts';
import type { BatchOptions } from '../engine/options.ts';
import type { CallerTransaction } from '../engine/attempts/callerTransaction.ts';
import { PincexError } from '../errors.ts';
import { changesOf, doubtfulChangesOf } from '../repository/cache/changes.ts';
import { Repository, uncached, type RepositoryOptions } from '../repository/repository.ts';
import type { BatchResult } from '../results.ts';
import { exactly } from '../surplus.ts';
import { Bookkeeper } from './bookkeeper.ts';
import { executorOf } from './executor.ts';
import { SerialQueue } from './serialQueue.ts';
import { Trading } from './trading.ts';

/** The services inside one transaction of the caller's. */
export interface PincexTransaction {
  /** As {@link Pincex.bookkeeper}, in this transaction. */
  readonly bookkeeper: Bookkeeper;
  /** As {@link Pincex.trading}, in this transaction. */
  readonly trading: Trading;
  /** As {@link Pincex.execute}, in this transaction. */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>>;
  /**
   * The connection of the transaction, for statements of the caller's own. Columns come as the texts that PostgreSQL
   * prints, and the planner settings of batches apply: without pg_hint_plan, sequential scans, hash joins and merge joins
   * are off. Behind a pooler, leave nothing in the session: no `SET` without `LOCAL`, no named statements.
   */
  readonly client: TransactionClient;
}

/** The parts that transactions of callers run on. */
export interface TransactionParts {
  readonly database: Database;
  readonly catalog: CatalogStore;
  readonly engine: Engine;
  /** Every commit is published to it. */
  readonly repository: Repository;
  /** Options of the repository that reads inside a transaction. */
  readonly readOptions: Pick<RepositoryOptions, 'ttl' | 'batchSize' | 'diagnostics'>;
}

/** Runs work of callers in transactions. A transaction that collided with another one is run again from its beginning. */
export class Transactions {
  readonly #parts: TransactionParts;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** @throws PincexError as `Pincex.transaction` says */
  async run<Result>(work: (tx: PincexTransaction) => Promise<Result>): Promise<Result> {
    requireFunction('work', work);
    const attempts = new Attempts();
    const progress: Progress = { isWorkDone: false, committing: [] };
    try {
      return await persistently(() => this.#attempt(work, progress), ['collision'], attempts);
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'collision') {
        const message = `The transaction lost against concurrent changes ${attempts.lost}; nothing of it was written`;
        throw new PincexError('conflict', message, { cause: error });
      }
      if (failure !== 'disconnected' || !progress.isWorkDone) throw error;
      for (const books of progress.committing) await this.#parts.repository.publish(doubtfulChangesOf(books));
      const message =
        'The connection to PostgreSQL broke during the commit; send the same items again to learn what was written';
      throw new PincexError('outcome_unknown', message, { cause: error });
    }
  }

  async #attempt<Result>(
    work: (tx: PincexTransaction) => Promise<Result>,
    progress: Progress,
  ): Promise<Result> {
    const { database, repository } = this.#parts;
    progress.isWorkDone = false;
    progress.committing = [];
    const result = await database.transaction(async (session) => {
      const queue = new SerialQueue();
      try {
        const done = await work(this.#servicesOf({ session, committing: progress.committing }, queue));
        progress.isWorkDone = true;
        return done;
      } finally {
        // If `work` did not wait for a batch, the batch must end before the connection goes back to the pool.
        await queue.drain();
      }
    });
    for (const books of progress.committing) await repository.publish(changesOf(books));
    return result;
  }

  #servicesOf(transaction: CallerTransaction, queue: SerialQueue): PincexTransaction {
    const { engine, catalog, readOptions } = this.#parts;
    const { session } = transaction;
    const execute = executorOf(engine, (call) => queue.run(call), transaction);
    const repository = new Repository({ ...readOptions, ...uncached(session) });
    const codes = new KnownCodes(catalog, session);
    return {
      bookkeeper: new Bookkeeper(execute, repository, codes),
      trading: new Trading(execute, repository, codes),
      execute: exactly('execute', (items, options) => execute('mixed', items, options)),
      client: session.client,
    };
  }
}

/** How far a transaction got. */
interface Progress {
  isWorkDone: boolean;
  /** The books of its batches, to be published once it is committed. */
  committing: Books[];
}

function requireFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new PincexError('invalid_argument', `${name} must be a function: got ${describe(value)}`);
}
