import type { JsonObject } from '../commands/item.ts';
import { isoMoment } from '../database/time.ts';
import { metadataOf } from './journal.ts';

/** One item that was applied, as callers see it. */
export interface OperationView {
  readonly userId: string;
  /** What its id names: ids are unique for a user and a kind of thing. */
  readonly kind: string;
  /** The caller's id of the item. A trade is an operation of both its users. */
  readonly id: string;
  /** What was asked, such as `lockFunds`. */
  readonly type: string;
  readonly batchId: string;
  /** Who sent the batch: `key:` and the id of the API key over HTTP, else the `actor` of its options; `@sweeper`; or nobody named. */
  readonly actor: string | null;
  readonly reason: string | null;
  readonly metadata: JsonObject | null;
  /** ISO 8601 in UTC: when the batch was decided. */
  readonly createdAt: string;
}

/** Of `operations o`: what {@link toOperationView} takes. */
export const OPERATION_COLUMNS = `
      o.user_id, o.kind, o.id, o.type, o.batch_id, o.actor, o.reason, o.metadata, o.created_at`;

/** {@link OPERATION_COLUMNS} */
export interface OperationRow {
  user_id: string;
  kind: string;
  id: string;
  type: string;
  batch_id: string;
  actor: string | null;
  reason: string | null;
  metadata: string | null;
  created_at: string;
}

export function toOperationView(row: OperationRow): OperationView {
  return {
    userId: row.user_id,
    kind: row.kind,
    id: row.id,
    type: row.type,
    batchId: row.batch_id,
    actor: row.actor,
    reason: row.reason,
    metadata: metadataOf(row.metadata),
    createdAt: isoMoment(row.created_at),
  };
}
