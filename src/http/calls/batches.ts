import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { BatchType } from '../../commands/index.ts';
import { readBatchId, requireBatch } from '../../engine/read.ts';
import type { Write } from '../../engine/write.ts';
import { PincexError } from '../../errors.ts';
import type { Pincex } from '../../pincex.ts';
import type { BatchMode, BatchResult } from '../../results.ts';
import { isUnbound } from '../../apiKeys/bounds.ts';
import { allows } from '../../apiKeys/scopes.ts';
import { withoutBalances } from './balances.ts';
import type { CallGate, PastDeadline } from '../load/callGate.ts';
import { Problem, problemBody } from '../problems/problem.ts';
import type { Answer, AnswerWriter } from '../../requests/answer.ts';
import { operationKeysOf } from '../../requests/operationKeys.ts';
import { actorOf } from '../../requests/interrupted.ts';
import { readIdempotencyKey } from './idempotencyKey.ts';
import { refusalOf } from './refusal.ts';
import { requestHash, type NewRequest, type Requests } from '../../requests/requests.ts';

export interface BatchBody {
  readonly items: readonly object[];
  readonly mode?: BatchMode;
  readonly batchId?: string;
}

/** A route whose calls execute batches. */
export interface BatchRoute {
  readonly route: string;
  readonly type: BatchType;
}

/** A call that executes a batch. */
interface BatchCall {
  readonly request: BatchRequest;
  readonly reply: FastifyReply;
  readonly type: BatchType;
  /** Row of the call in `requests`. */
  readonly entry: NewRequest;
}

type BatchRequest = FastifyRequest<{ Body: BatchBody }>;

/** Executes the batches of HTTP calls, each once for its idempotency key, and keeps each outcome for later calls. */
export class Batches {
  readonly #pincex: Pick<Pincex, 'run'>;
  readonly #gate: CallGate;
  readonly #requests: Requests;

  constructor(pincex: Pick<Pincex, 'run'>, gate: CallGate, requests: Requests) {
    this.#pincex = pincex;
    this.#gate = gate;
    this.#requests = requests;
  }

  async run(request: BatchRequest, reply: FastifyReply, { route, type }: BatchRoute): Promise<FastifyReply> {
    const { items, mode = 'partial', batchId } = request.body;
    const key = readIdempotencyKey(request.headers['idempotency-key']);
    // A malformed call leaves its idempotency key and its batch id free for the corrected one.
    requireBatch(items, mode);
    const entry: NewRequest = {
      caller: request.caller.keyId,
      route,
      key,
      hash: requestHash(route, request.rawBody),
      batchId: batchId === undefined ? uuidv7() : readBatchId(batchId),
      items: operationKeysOf(items, type),
    };
    // If the call has only an idempotency key, its batch may be that of an earlier call.
    if (key === null || batchId !== undefined) request.batchId = entry.batchId;
    const call = { request, reply, type, entry };
    const pastDeadline = (): PastDeadline => pastDeadlineOf(request);
    // Whether the client, before it is answered, can send the same call again or ask for its outcome.
    const isTraceable = key !== null || batchId !== undefined || request.deadline !== Infinity;
    if (isTraceable) {
      return sendAnswer(reply, await this.#gate.run(request, () => this.#runOnce(call), pastDeadline));
    }
    await this.#gate.run(request, () => this.#runAndSend(call), pastDeadline);
    return reply;
  }

  /** Records the call before its batch, so that the batch is executed once; the answer is written with the batch. */
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
      // The call has an answer by now, or another process runs it: if that can be found, the client is told that.
      return this.#runOnce(call).catch((other: unknown) => {
        throw other instanceof Problem ? other : error;
      });
    }
  }

  /**
   * Records the call and its answer with its batch, and sends the answer. If nobody knows how the batch ended, the client
   * is told so first, and the call is recorded afterwards.
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

  /** Executes the batch of a call under an id; the statement that writes the batch also writes the answer. */
  async #execute({ request, type }: BatchCall, batchId: string, writer: AnswerWriter): Promise<Answer> {
    const { items, mode } = request.body;
    const { keyId, bounds } = request.caller;
    // The answer is stored as it is sent, so balances are left out before it is written.
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
  async sendOutcome(batchId: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { keyId, scopes, bounds } = request.caller;
    // A batch may touch any user and market, so a key that is bound to some may ask for its own batches only.
    const mayAskForAll = scopes.includes('admin') && isUnbound.users(bounds) && isUnbound.markets(bounds);
    const ask = () => this.#requests.outcome(batchId, keyId, mayAskForAll);
    const outcome = await this.#gate.run(request, ask, () => ({
      detail: 'The deadline of Request-Timeout passed before the outcome was found',
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

function pastDeadlineOf({ batchId }: FastifyRequest): PastDeadline {
  if (batchId === null) {
    return {
      detail:
        'The deadline of Request-Timeout passed before it was found whether this Idempotency-Key had been sent before; send the same again',
    };
  }
  return {
    detail: `The deadline of Request-Timeout passed before the batch was done; it may be done all the same: ask for /v1/batches/${batchId}, or send the same items again`,
    extensions: { batchId },
  };
}

/** Every other `PincexError` says that nothing was done. An error of any other class says nothing about the batch. */
const isOutcomeUnknown = (error: unknown): boolean =>
  !(error instanceof PincexError) || error.code === 'outcome_unknown';
