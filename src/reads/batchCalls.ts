import type { Session } from '../database/database.ts';
import { isoMoment } from '../database/sql/time.ts';

/** The call over HTTP that sent a batch. */
export interface BatchCallView {
  /** The id of the API key. */
  readonly keyId: string;
  readonly route: string;
  /** The HTTP status of its answer; `null` while it runs, or if it never ended. */
  readonly status: number | null;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

/** The first call that gave its batch this id: another API key may give the same one. */
export const getBatchCall = {
  name: 'get-batch-call',
  hints: ['IndexScan(r requests_pkey)'],
  text: `
    SELECT r.caller, r.route, r.status, r.created_at, r.finished_at
    FROM requests r
    WHERE r.batch_id = $1
    ORDER BY r.created_at, r.caller
    LIMIT 1`,
};

interface Row {
  caller: string;
  route: string;
  status: string | null;
  created_at: string;
  finished_at: string | null;
}

/** @returns null for a batch of the library, and once the record of the call has expired */
export async function readBatchCall(session: Session, batchId: string): Promise<BatchCallView | null> {
  const [row] = await session.query<Row>(getBatchCall, [batchId]);
  if (row === undefined) return null;
  return {
    keyId: row.caller,
    route: row.route,
    status: row.status === null ? null : Number(row.status),
    createdAt: isoMoment(row.created_at),
    finishedAt: row.finished_at === null ? null : isoMoment(row.finished_at),
  };
}
