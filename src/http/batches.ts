import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { BatchType } from '../commands/index.ts';
import { readBatchId, requireBatch } from '../engine/read.ts';
import type { Write } from '../engine/write.ts';
import { PincexError } from '../errors.ts';
import type { Pincex } from '../pincex.ts';
import type { BatchMode, BatchResult } from '../results.ts';
import { isUnbound } from '../apiKeys/bounds.ts';
import { allows } from '../apiKeys/scopes.ts';
import { withoutBalances } from './balances.ts';
import { Problem } from './problem.ts';
import { problemBody } from './problems.ts';
import type { Answer, AnswerWriter } from '../requests/answer.ts';
import { operationKeysOf } from '../requests/operationKeys.ts';
import { actorOf } from '../requests/interrupted.ts';
import { readIdempotencyKey } from './requests/key.ts';
import { refusalOf } from './requests/refusal.ts';
import { requestHash, type NewRequest, type Requests } from '../requests/requests.ts';
import type { Late, Turns } from './turns.ts';

export interface BatchBody {
  readonly items: readonly object[];
  readonly mode?: BatchMode;
  readonly batchId?: string;
}

/** What a route says of the batches that its calls ask for. */
export interface BatchRoute {
  readonly route: string;
  readonly type: BatchType;
}

/** A call that asks for a batch. */
interface BatchCall {
  readonly request: BatchRequest;
  readonly reply: FastifyReply;
  readonly type: BatchType;
  /** Its row in `requests`. */
  readonly entry: NewRequest;
}

type BatchRequest = FastifyRequest<{ Body: BatchBody }>;

/** Runs the batches of HTTP calls: each once for its idempotency key, and so that its outcome can be asked for. */
export class Batches {
  readonly #pincex: Pick<Pincex, 'run'>;
  readonly #turns: Turns;
  readonly #requests: Requests;

  constructor(pincex: Pick<Pincex, 'run'>, turns: Turns, requests: Requests) {
    this.#pincex = pincex;
    this.#turns = turns;
    this.#requests = requests;
  }

  async run(request: BatchRequest, reply: FastifyReply, { route, type }: BatchRoute): Promise<FastifyReply> {
    const { items, mode = 'partial', batchId } = request.body;
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    // What is malformed takes neither its key nor its batch id.
    requireBatch(items, mode);
    const entry: NewRequest = {
      caller: request.caller.keyId,
      route,
      key,
      hash: requestHash(route, request.rawBody),
      batchId: batchId === undefined ? uuidv7() : readBatchId(batchId),
      items: operationKeysOf(items, type),
    };
    // With a key alone it may be that of an earlier call.
    if (key === null || batchId !== undefined) request.batchId = entry.batchId;
    const call = { request, reply, type, entry };
    const late = (): Late => lateOf(request);
    // Whether the client can send the same call again, or ask for its outcome, before it is answered.
    const isKnownBefore = key !== null || batchId !== undefined || request.deadline !== Infinity;
    if (isKnownBefore) {
      return sendAnswer(reply, await this.#turns.take(request, () => this.#runOnce(call), late));
    }
    await this.#turns.take(request, () => this.#runAndSend(call), late);
    return reply;
  }

  /** Notes a call before its batch, so that it is executed once, and its answer with the batch. */
  async #runOnce(call: BatchCall): Promise<Answer> {
    const { request, reply, entry } = call;
    const found = await this.#requests.begin(entry);
    if (found.kind === 'finished') {
      reply.header('idempotency-hit', 'true');
      return found;
    }
    if (found.kind !== 'run') throw refusalOf(found);
    const { run } = found;
    request.batchId = run.batchId;
    try {
      return await this.#execute(call, run.batchId, run);
    } catch (error) {
      if (await run.release()) throw error;
      // It has an answer, or another runs it: that is what counts, where it can be found.
      return this.#runOnce(call).catch((other: unknown) => {
        throw other instanceof Problem ? other : error;
      });
    }
  }

  /**
   * Notes a call only with its batch, together with its answer, and sends the answer. If nobody knows how the batch ended,
   * the client is told before the call is noted.
   */
  async #runAndSend(call: BatchCall): Promise<void> {
    const { reply, entry } = call;
    const full = await this.#requests.full(entry.caller);
    if (full !== undefined) throw refusalOf(full);
    const writer = this.#requests.answerWriter(entry);
    try {
      sendAnswer(reply, await this.#execute(call, entry.batchId, writer));
    } catch (error) {
      if (!isOutcomeUnknown(error)) throw error;
      const outcome = await this.#requests.outcome(entry.batchId, entry.caller, false).catch(() => undefined);
      if (outcome?.kind === 'finished') {
        writer.onWritten();
        sendAnswer(reply, outcome);
        return;
      }
      void reply.send(error);
      await this.#requests.markInterrupted(entry);
    }
  }

  /** Runs the batch of a call under an id, writes its answer in the same statement, and returns the answer. */
  async #execute({ request, type }: BatchCall, batchId: string, writer: AnswerWriter): Promise<Answer> {
    const { items, mode } = request.body;
    const { keyId, bounds } = request.caller;
    // The answer is kept as it is sent, so balances are left out before it is written.
    const mayRead = allows(request.caller, 'read');
    let answer: Answer | undefined;
    const write: Write = (result) => {
      answer = answerOf(result, mayRead);
      return writer.partFor(answer);
    };
    const markets = bounds.markets ?? undefined;
    await this.#pincex.run(type, items, {
      mode,
      batchId,
      actor: actorOf(keyId),
      markets,
      writeWith: [write],
    });
    if (answer === undefined) throw new Error(`Batch ${batchId} was executed without an answer`);
    writer.onWritten();
    return answer;
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
        await request.chargeBytes(outcome.body.length);
        return sendAnswer(reply, outcome);
      case 'running':
        return reply.status(202).send({ batchId, status: 'running' });
      case 'interrupted':
        return reply.send(outcome.batch);
      case 'unknown':
        throw new Problem('not_found', `This key has made no batch ${batchId}, or it has expired`);
    }
  }
}

function answerOf(result: BatchResult<unknown>, mayRead: boolean): Answer {
  const { batchId, mode, status, counts, durationMs } = result;
  const results = mayRead ? result.results : withoutBalances(result.results);
  const batch = { batchId, mode, status, counts, durationMs, results };
  if (mode !== 'atomic' || status !== 'rejected') return { status: 200, body: JSON.stringify(batch) };
  const detail = 'The batch is atomic and one of its items was rejected; nothing was done';
  const problem = new Problem('batch_rejected', detail, { extensions: { batch } });
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
