import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { BatchOptions } from '../engine/engine.ts';
import type { BatchMode, BatchResult } from '../results.ts';
import { notStarted, type Admission } from './admission.ts';
import { deadlineOf, withDeadline } from './deadline.ts';
import { Problem } from './problem.ts';
import { sendProblem } from './problems.ts';

export interface BatchBody {
  readonly items: readonly never[];
  readonly mode?: BatchMode;
  readonly batchId?: string;
}

type Execute = (items: readonly never[], options: BatchOptions) => Promise<BatchResult<unknown>>;

/** Runs the batches of HTTP calls. */
export class Batches {
  readonly #admission: Admission;

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  async run(
    request: FastifyRequest<{ Body: BatchBody }>,
    reply: FastifyReply,
    execute: Execute,
  ): Promise<FastifyReply> {
    const deadline = deadlineOf(request.headers['request-timeout']);
    const { items, mode, batchId = uuidv7() } = request.body;
    let hasBegun = false;
    const running = this.#admission.run(deadline, () => {
      hasBegun = true;
      return execute(items, { ...(mode && { mode }), batchId });
    });
    const result = await withDeadline(deadline, running, () => late(hasBegun ? batchId : null));
    return answer(reply, result);
  }
}

/** The result as it is sent. */
export function viewOf({ batchId, mode, status, counts, durationMs, results }: BatchResult<unknown>) {
  return { batchId, mode, status, counts, durationMs, results };
}

function answer(reply: FastifyReply, result: BatchResult<unknown>): FastifyReply {
  const batch = viewOf(result);
  if (batch.mode !== 'atomic' || batch.status !== 'rejected') return reply.send(batch);
  const detail = 'The batch is atomic and one of its items was rejected; nothing was done';
  return sendProblem(reply, new Problem(422, 'batch_rejected', detail, { extensions: { batch } }));
}

/** @param batchId of the batch that goes on; `null` where it did not begin */
function late(batchId: string | null): Problem {
  if (batchId === null) return notStarted();
  const detail = `The time of Request-Timeout was over before the batch was done; it may be done all the same: ask for /v1/batches/${batchId}, or send the same items again`;
  return new Problem(504, 'deadline_exceeded', detail, { extensions: { batchId, retryable: true } });
}
