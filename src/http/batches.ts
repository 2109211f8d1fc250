import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { CommandType } from '../commands/index.ts';
import { writing, type BatchOptions, type WriteAlongside } from '../engine/engine.ts';
import type { Alongside } from '../engine/persist.ts';
import { readBatchId, requireBatch } from '../engine/read.ts';
import { PincexError } from '../errors.ts';
import type { BatchMode, BatchResult } from '../results.ts';
import { isUnbound } from '../apiKeys/bounds.ts';
import { allows } from '../apiKeys/scopes.ts';
import { withoutBalances } from './balances.ts';
import { Problem } from './problem.ts';
import { problemBody } from './problems.ts';
import { claimsOf } from '../requests/claims.ts';
import { actorOf } from '../requests/interrupted.ts';
import { readIdempotencyKey } from './requests/key.ts';
import { refusalOf } from './requests/refusal.ts';
import { contentHash, type Answer, type NewRequest, type Requests } from '../requests/requests.ts';
import type { Late, Turns } from './turns.ts';

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
    const { items, mode = 'partial', batchId } = request.body;
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    // What is malformed takes neither its key nor its batch id.
    requireBatch(items, mode);
    const call: NewRequest = {
      caller: request.caller.keyId,
      route,
      key,
      hash: contentHash(route, request.rawBody),
      batchId: batchId === undefined ? uuidv7() : readBatchId(batchId),
      items: claimsOf(items, command),
    };
    // With a key alone it may be that of an earlier call.
    if (key === null || batchId !== undefined) request.batchId = call.batchId;
    // Nobody can send such a call again as the same, or ask for it, before it is answered.
    const isUnasked = key === null && batchId === undefined && request.deadline === Infinity;
    const answered: Answered = (id, noted) => {
      const { bounds } = request.caller;
      const run = (alongside: WriteAlongside) => {
        const options = { mode, batchId: id, actor: actorOf(call.caller) };
        return execute(items, writing(alongside, options, bounds.markets ?? undefined));
      };
      return executeAnswered(run, allows(request.caller, 'read'), noted);
    };
    return isUnasked
      ? this.#noted(call, request, reply, answered)
      : this.#once(call, request, reply, answered);
  }

  /** Notes a call with its batch, together with its answer. */
  async #noted(
    call: NewRequest,
    request: FastifyRequest,
    reply: FastifyReply,
    execute: Answered,
  ): Promise<FastifyReply> {
    const work = async (): Promise<void> => {
      const full = await this.#requests.full(call.caller);
      if (full !== undefined) throw refusalOf(full);
      const noting = this.#requests.noting(call);
      try {
        const answer = await execute(call.batchId, (answer) => noting.answered(answer));
        noting.end();
        sendAnswer(reply, answer);
      } catch (error) {
        if (!isOutcomeUnknown(error)) throw error;
        const outcome = await this.#requests.outcome(call.batchId, call.caller, false).catch(() => undefined);
        if (outcome?.kind === 'finished') {
          noting.end();
          sendAnswer(reply, outcome);
          return;
        }
        void reply.send(error);
        await this.#requests.leave(call);
      }
    };
    await this.#turns.take(request, work, () => lateOf(request));
    return reply;
  }

  /** Notes a call before its batch, so that it is executed once, and its answer with the batch. */
  async #once(
    call: NewRequest,
    request: FastifyRequest,
    reply: FastifyReply,
    execute: Answered,
  ): Promise<FastifyReply> {
    const work = async (): Promise<Answer> => {
      const found = await this.#requests.begin(call);
      if (found.kind === 'finished') {
        reply.header('idempotency-hit', 'true');
        return found;
      }
      if (found.kind !== 'run') throw refusalOf(found);
      const { run } = found;
      request.batchId = run.batchId;
      try {
        const answer = await execute(run.batchId, (answer) => run.answered(answer));
        run.end();
        return answer;
      } catch (error) {
        if (await run.release()) throw error;
        // It has an answer, or another runs it: that is what counts, where it can be found.
        return work().catch((other: unknown) => {
          throw other instanceof Problem ? other : error;
        });
      }
    };
    return sendAnswer(reply, await this.#turns.take(request, work, () => lateOf(request)));
  }

  /** Answers how a batch ended, however the call that made it did. */
  async tell(batchId: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { keyId, scopes, bounds } = request.caller;
    // Any batch may be of users and markets that a key is not bound to.
    const isOfAll = scopes.includes('admin') && isUnbound.users(bounds) && isUnbound.markets(bounds);
    const ask = () => this.#requests.outcome(batchId, keyId, isOfAll);
    const outcome = await this.#turns.take(request, ask, () => ({
      detail: 'The time of Request-Timeout was over before the outcome was found',
    }));
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

/** Executes a call's batch under an id, and writes with it what notes its answer. */
type Answered = (batchId: string, noted: (answer: Answer) => Alongside) => Promise<Answer>;

/** @param mayRead whether the answer, which is kept as it is, may tell balances */
async function executeAnswered(
  execute: (alongside: WriteAlongside) => Promise<BatchResult<unknown>>,
  mayRead: boolean,
  noted: (answer: Answer) => Alongside,
): Promise<Answer> {
  let answer: Answer | undefined;
  const { batchId } = await execute((result) => noted((answer = answerOf(result, mayRead))));
  if (answer === undefined) throw new Error(`Batch ${batchId} was executed without an answer`);
  return answer;
}

function answerOf(result: BatchResult<unknown>, mayRead: boolean): Answer {
  const { batchId, mode, status, counts, durationMs } = result;
  const results = mayRead ? result.results : withoutBalances(result.results);
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

function lateOf({ batchId }: FastifyRequest): Late {
  if (batchId === null) {
    return {
      detail:
        'The time of Request-Timeout was over before it was found whether this Idempotency-Key had been sent before; send the same again',
    };
  }
  return {
    detail: `The time of Request-Timeout was over before the batch was done; it may be done all the same: ask for /v1/batches/${batchId}, or send the same items again`,
    extensions: { batchId },
  };
}

/** Any other error of the library says that nothing was done; one that is not its own says nothing. */
const isOutcomeUnknown = (error: unknown): boolean =>
  !(error instanceof PincexError) || error.code === 'outcome_unknown';
