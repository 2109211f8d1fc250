import { OPERATION_KINDS } from '../commands/kinds.ts';
import { textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import type { Claim } from './claims.ts';
import { readOperationOutcomes } from './statements.ts';

/**
 * A batch that nobody runs and that has no answer: its process died, or could not tell what became of it. This is
 * what stands in the books under the ids of its items.
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
   * By another batch, before this one or after it, which is named where it is not another key's; whether with the same
   * content only sending it again tells.
   */
  | { readonly status: 'applied_elsewhere'; readonly batchId?: string }
  /** Rejected, skipped, or never reached: what is rejected leaves nothing behind. */
  | { readonly status: 'not_applied' }
);

interface OperationRow {
  n: string;
  outcome: string;
  batch_id: string;
  actor: string | null;
}

/** How an API key stands in the books as the actor of what it did. */
export const actorOf = (caller: string): string => `key:${caller}`;

/** The batch of that id which the API key `caller` sent. */
export async function lookUp(
  session: Session,
  { batchId, caller }: { readonly batchId: string; readonly caller: string },
  claims: readonly Claim[],
): Promise<InterruptedBatch> {
  const results: InterruptedItem[] = claims.map((claim, index) => ({
    index,
    id: claim?.[1] ?? null,
    status: 'not_applied',
  }));
  const named = claims.flatMap((claim, index) => {
    if (claim === null) return [];
    const [userId, id, kind] = claim;
    return (kind === undefined ? OPERATION_KINDS : [kind]).map((kind) => ({ index, userId, kind, id }));
  });
  const rows = await session.query<OperationRow>(readOperationOutcomes, [
    textArray(named.map(({ userId }) => userId)),
    textArray(named.map(({ kind }) => kind)),
    textArray(named.map(({ id }) => id)),
  ]);
  for (const row of rows) {
    const claim = named[Number(row.n) - 1];
    if (claim === undefined) throw new RangeError(`PostgreSQL answered for key ${row.n} of ${named.length}`);
    const { index, id } = claim;
    // Earlier versions wrote down nobody.
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
