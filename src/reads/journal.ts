import type { JsonObject } from '../commands/item.ts';
import { isoMoment } from '../database/sql/time.ts';
import { trimDecimal } from '../money/amount.ts';
import { toVersion } from './version.ts';

/** A journal entry, which is one movement of an account, as callers see it. Amounts are decimal strings. */
export interface JournalEntryView {
  /** The user who owns the account. */
  readonly userId: string;
  /** Such as `USD`. */
  readonly currency: string;
  /** The version of the account after this entry: 1, 2, 3 … without gaps. */
  readonly version: number;
  /** The change of `available`, negative if it went down. */
  readonly availableDelta: string;
  /** The change of `locked`, negative if it went down. */
  readonly lockedDelta: string;
  /** `available` after this entry. */
  readonly available: string;
  /** `locked` after this entry. */
  readonly locked: string;
  /** The id of the item that moved the funds. */
  readonly operationId: string;
  /** The command of that item, such as `lockFunds`. */
  readonly operationType: string;
  /** The order whose hold was made or drawn on; `null` for other movements. */
  readonly orderId: string | null;
  /** The `reason` of the item. */
  readonly reason: string | null;
  /** The `metadata` of the item. */
  readonly metadata: JsonObject | null;
  /** The time of the entry, ISO 8601 in UTC. */
  readonly createdAt: string;
}

/** The columns of `journal j` that {@link toJournalEntryView} takes. */
export const JOURNAL_COLUMNS = `
      j.user_id, j.currency, j.version, j.available_delta, j.locked_delta, j.available, j.locked, j.operation_id,
      j.operation_type, j.order_id, j.reason, j.metadata, j.created_at`;

/** {@link JOURNAL_COLUMNS} */
export interface JournalRow {
  user_id: string;
  currency: string;
  version: string;
  available_delta: string;
  locked_delta: string;
  available: string;
  locked: string;
  operation_id: string;
  operation_type: string;
  order_id: string | null;
  reason: string | null;
  metadata: string | null;
  created_at: string;
}

export function toJournalEntryView(row: JournalRow): JournalEntryView {
  return {
    userId: row.user_id,
    currency: row.currency,
    version: toVersion(row.version, 'journal', row.user_id, row.currency),
    availableDelta: trimDecimal(row.available_delta),
    lockedDelta: trimDecimal(row.locked_delta),
    available: trimDecimal(row.available),
    locked: trimDecimal(row.locked),
    operationId: row.operation_id,
    operationType: row.operation_type,
    orderId: row.order_id,
    reason: row.reason,
    metadata: metadataOf(row.metadata),
    createdAt: isoMoment(row.created_at),
  };
}

/** Parses the metadata of a row. Only objects are ever stored, so the cast is safe. */
export const metadataOf = (json: string | null): JsonObject | null =>
  json === null ? null : (JSON.parse(json) as JsonObject);
