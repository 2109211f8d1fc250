import type { LoadedBooks } from '../books/books.ts';
import { failureOf } from '../database/failures.ts';
import type { Batch, Decided } from './batch.ts';

/** The decisions on one batch whose connection broke while they were written: each of them may have been written or not. */
export class CutOff {
  readonly #decisions: Decided[] = [];

  /**
   * Makes an attempt at the batch, and keeps the decision that it was writing when its connection broke.
   *
   * @param attempt tells the decision that it is about to write
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
   * The decision that was written although its connection broke. A batch is written as a whole, so a decision was written if
   * the books have, under the id and the actor of the batch, exactly the operations that it applied, with the same outcomes.
   * The id alone does not tell: the owner of another API key may give the same id to a batch, and then the actor differs.
   *
   * A batch with writes of its own is never found here. It is sent again, and if it was written, its own first sending
   * supersedes it: the results that those writes kept are then the ones that count, to the letter.
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
