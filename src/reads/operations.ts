import type { JsonObject } from '../commands/item.ts';
import type { OperationKind } from '../commands/kinds.ts';
import { isoMoment } from '../database/sql/time.ts';
import { metadataOf } from './journal.ts';

/** An item that was applied, as callers see it. */
export interface OperationView {
  readonly userId: string;
  /** The kind of thing that the id names. Ids are unique among those of one user and kind. */
  readonly kind: OperationKind;
  /** The caller's id of the item. A trade is an operation of both its users. */
  readonly id: string;
  /** The command of the item, such as `lockFunds`. */
  readonly type: string;
  readonly batchId: string;
  /**
   * The sender of the batch: over HTTP `key:` and the id of the API key, for the sweeper `@sweeper`, else the `actor` of the
   * batch's options; `null` if none was given.
   */
  readonly actor: string | null;
  readonly reason: string | null;
  readonly metadata: JsonObject | null;
  /** The time at which the batch was decided, ISO 8601 in UTC. */
  readonly createdAt: string;
}

/** The columns of `operations o` that {@link toOperationView} takes. */
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
    kind: row.kind as OperationKind,
    id: row.id,
    type: row.type,
    batchId: row.batch_id,
    actor: row.actor,
    reason: row.reason,
    metadata: metadataOf(row.metadata),
    createdAt: isoMoment(row.created_at),
  };
}
