import { OPERATION_KINDS } from '../commands/kinds.ts';
import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import type { OperationKey } from './operationKeys.ts';
import { readOperationOutcomes } from './statements.ts';

/**
 * A batch that no process runs and that has no answer: its process died, or could not find out its outcome. The results are
 * looked up in the books by the ids of its items.
 */
export interface InterruptedBatch {
  readonly batchId: string;
  readonly status: 'interrupted';
  readonly counts: {
    readonly total: number;
    readonly applied: number;
    readonly appliedElsewhere: number;
    readonly notApplied: number;
  };
  readonly results: readonly InterruptedItem[];
}

export type InterruptedItem = { readonly index: number; readonly id: string | null } & (
  | { readonly status: 'applied'; readonly data: unknown }
  /**
   * Applied by another batch, earlier or later than this one. That batch is named unless it is one of another API key. Whether
   * its content is the same is known only once the item is sent again.
   */
  | { readonly status: 'applied_elsewhere'; readonly batchId?: string }
  /** Rejected, skipped, or never reached: a rejected item leaves no trace in the books. */
  | { readonly status: 'not_applied' }
);

interface FoundOperation {
  n: string;
  outcome: string;
  batch_id: string;
  actor: string | null;
}

/** The actor that the books store for the batches of an API key. */
export const actorOf = (caller: string): string => `key:${caller}`;

/** Looks up the results of the batch with this id that the API key `caller` sent. */
export async function lookUpInterrupted(
  session: Session,
  { batchId, caller }: { readonly batchId: string; readonly caller: string },
  keys: readonly OperationKey[],
): Promise<InterruptedBatch> {
  const results: InterruptedItem[] = keys.map((key, index) => ({
    index,
    id: key?.[1] ?? null,
    status: 'not_applied',
  }));
  const named = keys.flatMap((key, index) => {
    if (key === null) return [];
    const [userId, id, kind] = key;
    return (kind === undefined ? OPERATION_KINDS : [kind]).map((kind) => ({ index, userId, kind, id }));
  });
  const rows = await session.query<FoundOperation>(readOperationOutcomes, [
    textArray(named.map(({ userId }) => userId)),
    textArray(named.map(({ kind }) => kind)),
    textArray(named.map(({ id }) => id)),
  ]);
  for (const row of rows) {
    const item = named[Number(row.n) - 1];
    if (item === undefined) throw new RangeError(`PostgreSQL answered for key ${row.n} of ${named.length}`);
    const { index, id } = item;
    // Earlier versions stored no actor.
    const isOthers = row.actor !== null && row.actor !== actorOf(caller);
    if (row.batch_id === batchId && !isOthers) {
      results[index] = { index, id, status: 'applied', data: JSON.parse(row.outcome) as unknown };
    } else if (results[index]?.status !== 'applied') {
      results[index] = {
        index,
        id,
        status: 'applied_elsewhere',
        ...(!isOthers && { batchId: row.batch_id }),
      };
    }
  }
  const count = (wanted: InterruptedItem['status']) =>
    results.filter(({ status }) => status === wanted).length;
  return {
    batchId,
    status: 'interrupted',
    counts: {
      total: results.length,
      applied: count('applied'),
      appliedElsewhere: count('applied_elsewhere'),
      notApplied: count('not_applied'),
    },
    results,
  };
}
