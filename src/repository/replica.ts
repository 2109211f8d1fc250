import { handleWhen } from 'cockatiel';
import type { Database, Session } from '../database/database.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { CircuitBreaker } from './circuitBreaker.ts';
import { replicaPosition } from './walPosition.ts';

/**
 * The server that reads may go to. If it does not answer within `limits.repository.replicaWaitMs`, the primary is asked
 * instead, so no read fails because of it.
 */
export class Replica {
  readonly #database: Pick<Database, 'withSession'>;
  readonly #breaker = new CircuitBreaker(handleWhen(isAway), limits.repository.replicaPauseMs);

  constructor(database: Pick<Database, 'withSession'>) {
    this.#database = database;
  }

  /**
   * Reads from the replica if it has replayed the primary's log up to `position`. The replica is asked for its position on
   * every read and on the same connection, since another connection may lead to another server, and a server that was
   * killed restarts from an earlier position.
   *
   * @returns null if the replica is behind or fails; the caller then asks the primary, which fails with the same error if
   * the call itself is at fault
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

/** Whether an error is the server's fault; an error of the call itself must not open the circuit. */
function isAway(error: Error): boolean {
  return !(error instanceof PincexError) || error.retryable || error.code === 'database_refused';
}
