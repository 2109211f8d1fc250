import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { CommandType } from '../commands/index.ts';
import type { BatchOptions } from '../engine/engine.ts';
import type { BatchMode, BatchResult } from '../results.ts';
import { Problem } from './problem.ts';
import { problemBody } from './problems.ts';
import { claimsOf } from './requests/claims.ts';
import { readIdempotencyKey } from './requests/key.ts';
import { refusalOf } from './requests/refusal.ts';
import { contentHash, type NewRequest, type Requests } from './requests/requests.ts';
import type { Run } from './requests/run.ts';
import type { Turns } from './turns.ts';

export interface BatchBody {
  readonly items: readonly object[];
  readonly mode?: BatchMode;
  readonly batchId?: string;
}

/** What a route does with the items of a call. */
export interface BatchRoute {
  readonly route: string;
  /** Of all items; without it each names its own. */
  readonly command: CommandType | undefined;
  readonly execute: Execute;
}

/** Runs a batch through the library. */
export type Execute = (items: readonly object[], options: BatchOptions) => Promise<BatchResult<unknown>>;

/** An answer as it is sent and kept. */
interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Runs the batches of HTTP calls: each once for its idempotency key, and so that its outcome can be asked for. */
export class Batches {
  readonly #turns: Turns;
  readonly #requests: Requests;

  constructor(turns: Turns, requests: Requests) {
    this.#turns = turns;
    this.#requests = requests;
  }

  async run(
    request: FastifyRequest<{ Body: BatchBody }>,
    reply: FastifyReply,
    { route, command, execute }: BatchRoute,
  ): Promise<FastifyReply> {
    const { items, batchId } = request.body;
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    const call = {
      caller: request.caller.keyId,
      route,
      key,
      hash: contentHash(route, request.rawBody),
      items: claimsOf(items, command),
    };
    if (key === null && batchId === undefined) {
      const ownId = uuidv7();
      const work = () => this.#alongside({ ...call, batchId: ownId }, request.body, execute);
      return sendAnswer(reply, await this.#turns.take(request, work, () => late(ownId)));
    }
    let begun: Run | undefined;
    const work = async (): Promise<Answer> => {
      const found = await this.#requests.begin({ ...call, batchId });
      if (found.kind === 'finished') {
        reply.header('idempotency-hit', 'true');
        return found;
      }
      if (found.kind !== 'run') throw refusalOf(found);
      begun = found.run;
      return executed(begun, request.body, execute);
    };
    const answer = await this.#turns.take(request, work, () => late(begun?.batchId ?? batchId));
    return sendAnswer(reply, answer);
  }

  /**
   * Notes a call and executes its batch at the same time. Nobody can have sent it before, and until it is answered
   * nobody knows its id: if the service ends before it is noted, nobody can miss that.
   */
  async #alongside(
    call: NewRequest & { batchId: string },
    body: BatchBody,
    execute: Execute,
  ): Promise<Answer> {
    const noting = this.#requests.begin(call);
    const executing = execute(body.items, { ...(body.mode && { mode: body.mode }), batchId: call.batchId });
    const [noted, result] = await Promise.allSettled([noting, executing]);
    const run = noted.status === 'fulfilled' && noted.value.kind === 'run' ? noted.value.run : undefined;
    if (result.status === 'rejected') {
      await run?.release();
      throw result.reason;
    }
    const answer = answerOf(result.value);
    await run?.finish(answer.status, answer.body);
    return answer;
  }

  /** Answers how a batch ended, however the call that made it did. */
  async tell(batchId: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { keyId, scopes } = request.caller;
    const outcome = await this.#requests.outcome(batchId, keyId, scopes.includes('admin'));
    switch (outcome.kind) {
      case 'finished':
        return sendAnswer(reply, outcome);
      case 'running':
        return reply.status(202).send({ batchId, status: 'running' });
      case 'interrupted':
        return reply.send(outcome.batch);
      case 'unknown':
        throw new Problem(404, 'not_found', `This key has made no batch ${batchId}, or it has expired`);
    }
  }
}

async function executed(run: Run, { items, mode }: BatchBody, execute: Execute): Promise<Answer> {
  try {
    const answer = answerOf(await execute(items, { ...(mode && { mode }), batchId: run.batchId }));
    await run.finish(answer.status, answer.body);
    return answer;
  } catch (error) {
    await run.release();
    throw error;
  }
}

function answerOf({ batchId, mode, status, counts, durationMs, results }: BatchResult<unknown>): Answer {
  const batch = { batchId, mode, status, counts, durationMs, results };
  if (mode !== 'atomic' || status !== 'rejected') return { status: 200, body: JSON.stringify(batch) };
  const detail = 'The batch is atomic and one of its items was rejected; nothing was done';
  const problem = new Problem(422, 'batch_rejected', detail, { extensions: { batch } });
  return { status: 422, body: JSON.stringify(problemBody(problem)) };
}

function sendAnswer(reply: FastifyReply, { status, body }: Answer): FastifyReply {
  const type = status === 200 ? 'application/json' : 'application/problem+json';
  return reply.status(status).header('content-type', `${type}; charset=utf-8`).serializer(String).send(body);
}

const late = (batchId: string | undefined) => ({
  detail: `The time of Request-Timeout was over before the batch was done; it may be done all the same: ${batchId === undefined ? 'send' : `ask for /v1/batches/${batchId}, or send`} the same items again`,
  extensions: { ...(batchId !== undefined && { batchId }) },
});
