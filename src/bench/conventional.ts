import type { LockFunds } from '../index.ts';
import { textArray, plainArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';

/** The table in which a batch looks up whether its items were applied before. */
export type Duplicates = 'journal' | 'operations';

/** The lookup: by the primary key of `operations`, or, as in a schema without that table, by the operations in the journal. */
const JOIN: Readonly<Record<Duplicates, string>> = {
  journal: 'LEFT JOIN journal d ON d.user_id = i.user_id AND d.operation_id = i.id',
  operations: "LEFT JOIN operations d ON d.user_id = i.user_id AND d.kind = 'funds' AND d.id = i.id",
};

/**
 * A batch of locks as a conventional statement: it locks every account, finds duplicates by an outer join, decides by a
 * running sum, and writes the same rows as the engine. It does not distinguish a replay from a reused id, add to an existing
 * hold, or accept a smaller item after a larger one was refused.
 */
const lockConventionally = (duplicates: Duplicates) => ({
  name: `bench-lock-conventionally-${duplicates}`,
  text: `
    WITH items AS (
      SELECT *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::text[])
        WITH ORDINALITY AS i (id, user_id, currency, amount, order_id, n)
    ), locked AS (
      SELECT a.user_id, a.currency, a.available, a.locked, a.version
      FROM accounts a
      JOIN (SELECT DISTINCT user_id, currency FROM items) AS k USING (user_id, currency)
      ORDER BY a.user_id, a.currency
      FOR NO KEY UPDATE OF a
    ), running AS (
      SELECT i.*, l.available, l.locked, l.version,
        sum(i.amount) OVER item AS used, row_number() OVER item AS place
      FROM items i
      JOIN locked l USING (user_id, currency)
      ${JOIN[duplicates]}
      WHERE d.user_id IS NULL
      WINDOW item AS (PARTITION BY i.user_id, i.currency ORDER BY i.n)
    ), accepted AS (
      SELECT *, available - used AS available_after, locked + used AS locked_after, version + place AS version_after
      FROM running
      WHERE used <= available
    ), updated AS (
      UPDATE accounts a
      SET available = l.available_after, locked = l.locked_after, version = l.version_after,
        updated_at = $6::timestamptz
      FROM (
        SELECT DISTINCT ON (user_id, currency) user_id, currency, available_after, locked_after, version_after
        FROM accepted
        ORDER BY user_id, currency, place DESC
      ) AS l
      WHERE a.user_id = l.user_id AND a.currency = l.currency
    ), journaled AS (
      INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
        operation_id, operation_type, order_id, created_at)
      SELECT user_id, currency, version_after, -amount, amount, available_after, locked_after, id, 'lockFunds',
        order_id, $6::timestamptz
      FROM accepted
    ), held AS (
      INSERT INTO holds (user_id, order_id, currency, amount, placed, created_at)
      SELECT user_id, order_id, currency, amount, false, $6::timestamptz
      FROM accepted
    ), remembered AS (
      INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, batch_id, created_at)
      SELECT user_id, 'funds', id, 'lockFunds', left(id, 22),
        json_build_object('available', available_after::text, 'locked', locked_after::text, 'version', version_after),
        gen_random_uuid(), $6::timestamptz
      FROM accepted
    )
    SELECT n, available_after, locked_after, version_after FROM accepted`,
});

export async function runConventionally(
  session: Session,
  items: readonly LockFunds[],
  duplicates: Duplicates,
): Promise<void> {
  await session.query(lockConventionally(duplicates), [
    textArray(items.map((item) => item.id)),
    textArray(items.map((item) => item.userId)),
    textArray(items.map((item) => item.currency)),
    plainArray(items.map((item) => item.amount)),
    textArray(items.map((item) => item.orderId)),
    new Date().toISOString(),
  ]);
}
