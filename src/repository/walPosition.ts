import type { Session } from '../database/database.ts';
import type { Position } from './cache/cache.ts';

/**
 * Positions in the write-ahead log, in bytes. A replica has a commit once it has replayed a position that was read from the
 * primary after the commit.
 */

const askPrimary = {
  name: 'primary-position',
  text: `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS position`,
};

/** A server that is not a replica, or was promoted, has a log of its own, which cannot be compared with the primary's: NULL. */
const askReplica = {
  name: 'replica-position',
  text: `
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn END AS position`,
};

export function primaryPosition(primary: Session): Promise<bigint> {
  return ask(primary, askPrimary);
}

/** Does not fail: a commit is published even if the primary cannot be reached after it. */
export function positionAfterCommit(primary: Session): Promise<Position> {
  return primaryPosition(primary).catch(() => 'unknown' as const);
}

/** The position up to which this connection of a replica sees all writes; 0 if the server is not a replica. */
export function replicaPosition(replica: Session): Promise<bigint> {
  return ask(replica, askReplica);
}

async function ask(session: Session, statement: typeof askPrimary): Promise<bigint> {
  const [row] = await session.query<{ position: string | null }>(statement);
  return BigInt(row?.position ?? 0);
}
