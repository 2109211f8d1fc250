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
import type { Within } from '../engine/within.ts';
import { PincexError } from '../errors.ts';
import { changesOf, doubtfulChangesOf } from '../repository/changes.ts';
import { Repository, uncached, type RepositoryOptions } from '../repository/repository.ts';
import type { BatchResult } from '../results.ts';
import { exactly } from '../surplus.ts';
import { Bookkeeper } from './bookkeeper.ts';
import { Turns } from './calls.ts';
import { executorOf } from './executor.ts';
import { Trading } from './trading.ts';

/** What runs inside one transaction of the caller's. */
export interface PincexTransaction {
  /** As {@link Pincex.bookkeeper}, in this transaction. */
  readonly bookkeeper: Bookkeeper;
  /** As {@link Pincex.trading}, in this transaction. */
  readonly trading: Trading;
  /** As {@link Pincex.execute}, in this transaction. */
  execute(items: readonly MixedItem[], options?: BatchOptions): Promise<BatchResult<unknown>>;
  /**
   * The connection of the transaction, for statements of the caller's own. Columns come as the texts PostgreSQL
   * prints, and the planner settings of batches hold: without pg_hint_plan, sequential scans, hash and merge joins
   * are off. Behind a pooler leave nothing in the session: no `SET` without `LOCAL`, no named statements.
   */
  readonly client: TransactionClient;
}

/** The parts that transactions of callers run on. */
export interface TransactionParts {
  readonly database: Database;
  readonly catalog: CatalogStore;
  readonly engine: Engine;
  /** Is told of every commit. */
  readonly repository: Repository;
  /** For reads inside a transaction. */
  readonly readOptions: Pick<RepositoryOptions, 'ttl' | 'batchSize' | 'diagnostics'>;
}

/** Runs work of callers in transactions, each again from its beginning where it lost against others. */
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
        const message = `The transaction lost against others ${attempts.lost}; nothing of it was written`;
        throw new PincexError('conflict', message, { cause: error });
      }
      if (failure !== 'disconnected' || !progress.isWorkDone) throw error;
      for (const books of progress.committing) await this.#parts.repository.publish(doubtfulChangesOf(books));
      const message =
        'PostgreSQL went away during the commit; send the same items again to learn what was written';
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
      const turns = new Turns();
      try {
        const done = await work(this.#within({ session, committing: progress.committing }, turns));
        progress.isWorkDone = true;
        return done;
      } finally {
        // A batch that `work` did not wait for must not run on over a connection that others have by then.
        await turns.end();
      }
    });
    for (const books of progress.committing) await repository.publish(changesOf(books));
    return result;
  }

  #within(within: Within, turns: Turns): PincexTransaction {
    const { engine, catalog, readOptions } = this.#parts;
    const { session } = within;
    const execute = executorOf(engine, (call) => turns.run(call), within);
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

/** How far a transaction came. */
interface Progress {
  isWorkDone: boolean;
  /** What its batches will have changed once it is committed. */
  committing: Books[];
}

function requireFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new PincexError('invalid_argument', `${name} must be a function: got ${describe(value)}`);
}
