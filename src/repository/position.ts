import type { Session } from '../database/database.ts';

/**
 * How far the write-ahead log has come, in bytes: what a replica must have replayed to know a commit. A position
 * that is asked for after a commit lies behind it.
 */

const askPrimary = {
  name: 'primary-position',
  text: `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS position`,
};

/** A server that was promoted replays no more, and knows all that it wrote itself. */
const askReplica = {
  name: 'replica-position',
  text: `
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END
      - '0/0'::pg_lsn AS position`,
};

export function primaryPosition(primary: Session): Promise<bigint> {
  return ask(primary, askPrimary);
}

/** A position that is beyond a commit in any case: the commit stands, and is told of, even if the server went away. */
export function positionBeyond(primary: Session): Promise<bigint> {
  return primaryPosition(primary).catch(() => NOWHERE);
}

/** No replica gets there, so that none is read while this stands. */
const NOWHERE = 2n ** 62n;

export class ReplicaPosition {
  readonly #replica: Session;
  #reached = 0n;

  constructor(replica: Session) {
    this.#replica = replica;
  }

  /** Whether all that was written up to `position` can be read there. */
  async hasReached(position: bigint): Promise<boolean> {
    if (this.#reached < position) this.#reached = await ask(this.#replica, askReplica);
    return this.#reached >= position;
  }
}

async function ask(session: Session, statement: typeof askPrimary): Promise<bigint> {
  const [row] = await session.query<{ position: string | null }>(statement);
  return BigInt(row?.position ?? 0);
}
