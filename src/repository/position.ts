import type { Session } from '../database/database.ts';
import type { Position } from './cache.ts';

/**
 * How far the write-ahead log has come, in bytes: what a replica must have replayed to know a commit. A position
 * that is asked for after a commit lies behind it.
 */

const askPrimary = {
  name: 'primary-position',
  text: `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS position`,
};

/** A server that is no replica, or no longer, has a log of its own, which says nothing of the primary's. */
const askReplica = {
  name: 'replica-position',
  text: `
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn END AS position`,
};

export function primaryPosition(primary: Session): Promise<bigint> {
  return ask(primary, askPrimary);
}

/** For a commit that is told of in any case: it stands, even if the server went away since. */
export function positionAfterCommit(primary: Session): Promise<Position> {
  return primaryPosition(primary).catch(() => 'unknown' as const);
}

/** All that was written up to here can be read on this connection of a replica. */
export function replicaPosition(replica: Session): Promise<bigint> {
  return ask(replica, askReplica);
}

async function ask(session: Session, statement: typeof askPrimary): Promise<bigint> {
  const [row] = await session.query<{ position: string | null }>(statement);
  return BigInt(row?.position ?? 0);
}
