import { handleWhen } from 'cockatiel';
import type { Database, Session } from '../database/database.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { Breaker } from './breaker.ts';
import { replicaPosition } from './position.ts';

/**
 * The server that reads may go to. It fails soft: what it cannot tell within `limits.repository.replicaWaitMs` the primary is
 * asked, and nothing fails.
 */
export class Replica {
  readonly #database: Pick<Database, 'withSession'>;
  readonly #breaker = new Breaker(handleWhen(isAway), limits.repository.replicaPauseMs);

  constructor(database: Pick<Database, 'withSession'>) {
    this.#database = database;
  }

  /**
   * Reads, where the replica knows all that the primary wrote up to `position`. It is asked each time, on the very
   * connection that then reads: another one may lead to another server, and a server that was killed starts again
   * from behind where it was.
   *
   * @returns null where it is behind, or fails, in whatever way: the primary then gives the same error, or does better
   */
  async read<Result extends object>(
    read: (session: Session) => Promise<Result>,
    position?: bigint,
  ): Promise<Result | null> {
    try {
      return await this.#breaker.run(limits.repository.replicaWaitMs, () =>
        this.#database.withSession(async (session) => {
          const isBehind = position !== undefined && (await replicaPosition(session)) < position;
          return isBehind ? null : read(session);
        }),
      );
    } catch {
      return null;
    }
  }
}

/** An error of the call itself says nothing of the server. */
function isAway(error: Error): boolean {
  return !(error instanceof PincexError) || error.retryable || error.code === 'database_refused';
}
