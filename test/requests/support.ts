import { randomUUID } from 'node:crypto';
import type { BatchResult, MixedItem, Pincex } from '../../src/index.ts';
import { operationKeysOf } from '../../src/requests/operationKeys.ts';
import type { Answer } from '../../src/requests/answer.ts';
import { requestHash, type Begun, type NewRequest } from '../../src/requests/requests.ts';
import type { Run } from '../../src/requests/run.ts';

export const ROUTE = '/v1/batches';

/** A call before it is sent: the service gives it a new batch id each time, unless it came with one. */
export type Call = Omit<NewRequest, 'batchId'> & Partial<Pick<NewRequest, 'batchId'>>;

export const sent = (call: Call): NewRequest => ({ batchId: randomUUID(), ...call });

/** A call of two locks for a user who has 10 USD: the first is applied, the second rejected. */
export function callOf(userId: string, changes: Partial<Call> = {}) {
  const items: MixedItem[] = ['4', '400'].map((amount, i) => ({
    command: 'lockFunds',
    id: `lock-${i}`,
    userId,
    currency: 'USD',
    amount,
    orderId: `order-${i}`,
  }));
  const request: Call = {
    caller: 'caller-1',
    route: ROUTE,
    key: null,
    hash: requestHash(ROUTE, JSON.stringify({ items })),
    items: operationKeysOf(items),
    ...changes,
  };
  return { request, items };
}

/** Executes a batch together with its answer, as the service does. */
export async function execute(
  pincex: Pincex,
  run: Run,
  items: readonly MixedItem[],
  answer: Answer,
): Promise<BatchResult<unknown>> {
  const settings = { batchId: run.batchId, writeWith: [() => run.partFor(answer)] };
  const result = await pincex.run('mixed', items, settings);
  run.onWritten();
  return result;
}

/** The run of a call that was allowed to begin. */
export function runOf(begun: Begun): Run {
  if (begun.kind !== 'run') throw new Error(`Expected to run, was told ${JSON.stringify(begun)}`);
  return begun.run;
}
