import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { BatchOptions } from '../engine/engine.ts';
import type { BatchMode, BatchResult } from '../results.ts';
import { Problem } from './problem.ts';
import { sendProblem } from './problems.ts';
import type { Turns } from './turns.ts';

export interface BatchBody {
  readonly items: readonly object[];
  readonly mode?: BatchMode;
  readonly batchId?: string;
}

/** Runs a batch through the library. */
export type Execute = (items: readonly object[], options: BatchOptions) => Promise<BatchResult<unknown>>;

/** Runs the batches of HTTP calls. */
export class Batches {
  readonly #turns: Turns;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  async run(
    request: FastifyRequest<{ Body: BatchBody }>,
    reply: FastifyReply,
    execute: Execute,
  ): Promise<FastifyReply> {
    const { items, mode, batchId = uuidv7() } = request.body;
    const result = await this.#turns.take(
      request,
      () => execute(items, { ...(mode && { mode }), batchId }),
      late(batchId),
    );
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

const late = (batchId: string) => ({
  detail: `The time of Request-Timeout was over before the batch was done; it may be done all the same: ask for /v1/batches/${batchId}, or send the same items again`,
  extensions: { batchId },
});
