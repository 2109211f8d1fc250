import type { Books } from '../../books/books.ts';
import type { TransactionSession } from '../../database/database.ts';
import { failureOf } from '../../database/failures.ts';
import type { Diagnostics } from '../../diagnostics.ts';
import { limits } from '../../limits.ts';
import type { Batch, Decided } from '../batch.ts';
import { lostConflict, superseded } from './batchErrors.ts';
import { step } from '../step.ts';

/** A transaction of the caller's. */
export interface CallerTransaction {
  readonly session: TransactionSession;
  /** The books of each batch are added here, to be published once the transaction is committed. */
  readonly committing: Books[];
}

/**
 * Runs a batch in the caller's transaction. Each attempt has a savepoint, so that a lost guard does not abort the
 * transaction.
 */
export async function runInTransaction(
  batch: Batch,
  { session: own, committing }: CallerTransaction,
  diagnostics: Diagnostics,
): Promise<Decided> {
  const session = batch.effort.counting(own);
  for (let attempt = 1; ; attempt++) {
    await session.query(SAVEPOINT);
    try {
      const decision = await step(session, batch, { lock: true, diagnostics });
      await session.query(RELEASE);
      committing.push(decision.books);
      return decision;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'superseded') throw superseded(error, batch.batchId);
      if (failure !== 'guard_lost') throw error;
      if (attempt === limits.database.attempts) throw lostConflict(error, batch.batchId, `${attempt} times`);
      await session.query(ROLLBACK_TO_SAVEPOINT);
    }
  }
}

const SAVEPOINT = { name: 'savepoint', text: 'SAVEPOINT pincex_batch' };
const RELEASE = { name: 'release-savepoint', text: 'RELEASE SAVEPOINT pincex_batch' };
const ROLLBACK_TO_SAVEPOINT = { name: 'rollback-to-savepoint', text: 'ROLLBACK TO SAVEPOINT pincex_batch' };
