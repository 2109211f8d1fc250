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
import { contentHash, type Answer, type Requests } from './requests/requests.ts';
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
    const { items, mode, batchId } = request.body;
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    const call = { caller: request.caller.keyId, route };
    const answered = async (id: string): Promise<Answer> =>
      answerOf(await execute(items, { ...(mode && { mode }), batchId: id }));

    // Without a key, a batch id or a time to be told in, nobody can send the same call again, or ask for it, before it
    // is answered: it is noted once, with its answer and behind it.
    if (key === null && batchId === undefined && request.headers['request-timeout'] === undefined) {
      const noted = async (): Promise<void> => {
        const id = uuidv7();
        const answer = await answered(id);
        sendAnswer(reply, answer);
        await this.#requests.record({ ...call, batchId: id, ...answer });
      };
      await this.#turns.take(request, noted, () => lateOf(undefined));
      return reply;
    }

    const hash = contentHash(route, request.rawBody);
    let begun: Run | undefined;
    const once = async (): Promise<Answer> => {
      const found = await this.#requests.begin({
        ...call,
        key,
        hash,
        batchId,
        items: claimsOf(items, command),
      });
      if (found.kind === 'finished') {
        reply.header('idempotency-hit', 'true');
        return found;
      }
      if (found.kind !== 'run') throw refusalOf(found);
      begun = found.run;
      try {
        const answer = await answered(begun.batchId);
        await begun.finish(answer.status, answer.body);
        return answer;
      } catch (error) {
        await begun.release();
        throw error;
      }
    };
    const late = () => lateOf(begun?.batchId ?? batchId);
    return sendAnswer(reply, await this.#turns.take(request, once, late));
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

const lateOf = (batchId: string | undefined) => ({
  detail: `The time of Request-Timeout was over before the batch was done; it may be done all the same: ${batchId === undefined ? 'send' : `ask for /v1/batches/${batchId}, or send`} the same items again`,
  extensions: { ...(batchId !== undefined && { batchId }) },
});
