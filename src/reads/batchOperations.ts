import type { JsonObject } from '../commands/item.ts';
import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { limits } from '../limits.ts';
import { OPERATION_COLUMNS, toOperationView, type OperationRow, type OperationView } from './operations.ts';
import { beyond, inBothDirections, LAST_ID, readPage, type Page, type PageOptions } from './page.ts';
import { storableKey } from './readArguments.ts';

/** An operation with the data of its result. */
export interface OperationOutcomeView extends OperationView {
  readonly outcome: JsonObject;
}

const COLUMNS = `${OPERATION_COLUMNS}, o.outcome`;

/**
 * The pages of the operations of a batch, by their keys: all of them have one time. A batch has at most 10,000. The function has
 * the settings by which its index can be used: see the migration `lookup_functions`.
 */
export const batchOperationPages = inBothDirections((direction) => {
  const { than, order } = beyond(direction);
  return {
    name: `get-${direction}-operations-of-batch`,
    text: `
    SELECT ${COLUMNS}
    FROM operations_of_batch($1) AS o
    WHERE (o.user_id, o.kind, o.id) ${than} ($2, $3, $4)
    ORDER BY o.user_id ${order}, o.kind ${order}, o.id ${order}
    LIMIT $5`,
  };
});

/** The operations of any users that made the thing with this id. */
export const getOperationsById = {
  name: 'get-operations-by-id',
  hints: ['IndexScan(o operations_pkey)'],
  text: `
    SELECT ${COLUMNS}
    FROM unnest($1::text[]) AS k (user_id)
    CROSS JOIN LATERAL (
      SELECT * FROM operations o WHERE o.user_id = k.user_id AND o.kind = $2 AND o.id = $3 OFFSET 0
    ) AS o
    ORDER BY o.user_id
    LIMIT ${limits.reads.sameIds}`,
};

type Row = OperationRow & { outcome: string };

const toView = (row: Row): OperationOutcomeView => ({
  ...toOperationView(row),
  outcome: JSON.parse(row.outcome) as JsonObject,
});

/**
 * A page of the operations of a batch: of its items that were applied.
 *
 * @param batchId a UUID
 * @throws PincexError `invalid_argument`
 */
export function readBatchOperationPage(
  session: Session,
  batchId: string,
  options: PageOptions,
): Promise<Page<OperationOutcomeView>> {
  return readPage(
    {
      name: 'operations',
      owner: [batchId],
      top: [LAST_ID, LAST_ID, LAST_ID],
      keyOf: ({ userId, kind, id }) => [userId, kind, id],
      read: async (direction, key, limit) => {
        const values = [batchId, ...key.map(String), String(limit)];
        return (await session.query<Row>(batchOperationPages[direction], values)).map(toView);
      },
    },
    options,
  );
}

/** The operations by which these users made the thing of a kind with this id. */
export async function readOperationsById(
  session: Session,
  userIds: readonly string[],
  kind: OperationView['kind'],
  id: string,
): Promise<OperationOutcomeView[]> {
  const values = [textArray(userIds.map(storableKey)), kind, storableKey(id)];
  return (await session.query<Row>(getOperationsById, values)).map(toView);
}
