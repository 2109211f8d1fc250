import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { overloaded } from './admission.ts';
import type { Shares } from './shares.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Takes so many more bytes for the body, until the call is over; false where its key may have no more of them. */
    holdBytes: (bytes: number) => boolean;
    /** Gives back all of them: what has come of the body is not kept. */
    dropBytes: () => void;
  }
}

/** What the keys share of the memory of calls. */
export interface Memory {
  /** Calls. */
  readonly calls: Shares;
  /** Bytes of their bodies. */
  readonly bodies: Shares;
  /** Characters of their answers, for as long as they are not taken. */
  readonly answers: Shares;
}

/**
 * Bounds the memory of calls: so many may be in hand, each from before its body is read until the last of its answer is
 * taken. A call gets its turn only once its body is there, and is over before its answer is taken: turns alone bound
 * neither.
 *
 * Register it behind whatever refuses strangers: they must not take these places.
 */
export function boundCallsInHand(app: FastifyInstance, { calls, bodies, answers }: Memory): void {
  const inHand = new WeakSet<FastifyRequest>();
  app.decorateRequest('holdBytes', () => true);
  app.decorateRequest('dropBytes', () => undefined);

  app.addHook('onRequest', (request, { raw }, done) => {
    if (request.keyId === null) {
      done();
      return;
    }
    const { keyId } = request.caller;
    if (!calls.hasRoom(keyId)) {
      done(overloaded('as many calls are in hand as may be'));
      return;
    }
    inHand.add(request);
    const giveBackCall = calls.take(keyId);
    const held: (() => void)[] = [];
    request.dropBytes = () => {
      for (const giveBack of held.splice(0)) giveBack();
    };
    onceClosed(raw, () => {
      giveBackCall();
      request.dropBytes();
    });
    request.holdBytes = (bytes) => {
      if (!bodies.hasRoom(keyId, bytes)) return false;
      // Who has hung up holds nothing any more.
      if (!raw.destroyed) held.push(bodies.take(keyId, bytes));
      return true;
    };
    done();
  });

  app.addHook('onSend', (request, { raw }, payload, done) => {
    if (inHand.has(request) && typeof payload === 'string')
      onceClosed(raw, answers.take(request.caller.keyId, payload.length));
    done();
  });
}

/** Who hung up meanwhile is not heard of again. */
export function onceClosed(response: ServerResponse, giveBack: () => void): void {
  if (response.destroyed) giveBack();
  else response.once('close', giveBack);
}
