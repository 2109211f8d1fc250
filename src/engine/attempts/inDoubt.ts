import type { LoadedBooks } from '../../books/books.ts';
import { failureOf } from '../../database/failures.ts';
import type { Batch, Decided } from '../batch.ts';

/**
 * The decisions on one batch whose connection broke while they were being written. Each of them may or may not have been
 * committed.
 */
export class InDoubtDecisions {
  readonly #decisions: Decided[] = [];

  /**
   * Makes an attempt at the batch. If its connection breaks, the decision that it was writing is kept.
   *
   * @param attempt calls `onDecided` with the decision before it writes it
   */
  async watch(attempt: (onDecided: (decision: Decided) => void) => Promise<Decided>): Promise<Decided> {
    let decided: Decided | undefined;
    try {
      return await attempt((decision) => {
        decided = decision;
      });
    } catch (error) {
      if (decided !== undefined && failureOf(error) === 'disconnected') this.#decisions.push(decided);
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.#decisions.length === 0;
  }

  get decisions(): readonly Decided[] {
    return this.#decisions;
  }

  /**
   * The decision that was committed although its connection broke. A batch is written as a whole, so a decision was committed
   * if the books have, under the id and the actor of the batch, exactly the operations that the decision applied, with the
   * same outcomes. The batch id alone is not enough: the owner of another API key may use the same id, with another actor.
   *
   * A batch with `writeWith` is never found here. It is sent again; if its first attempt was committed, the second one fails
   * as superseded, and the results that the first one wrote with its parts are the ones that count.
   */
  writtenOf({ keys, batchId, actor, writeWith }: Batch, loaded: LoadedBooks): Decided | undefined {
    if (this.isEmpty || writeWith.length > 0) return undefined;
    const written = new Map<string, string>();
    for (const { key } of keys.operations.inOrder()) {
      const operation = loaded.operations.get(key);
      if (operation?.batchId === batchId && operation.actor === actor) written.set(key, operation.outcome);
    }
    if (written.size === 0) return undefined;
    return this.#decisions.findLast(({ books }) => {
      const { changed } = books.operations;
      return (
        changed.size === written.size &&
        [...changed].every(([key, { outcome }]) => written.get(key) === outcome)
      );
    });
  }
}
