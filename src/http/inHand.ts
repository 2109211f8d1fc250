import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { overloaded } from './admission.ts';
import type { Shares } from './shares.ts';

/**
 * Bounds the memory of calls: so many may be in hand, each from before its body is read until the last of its answer is
 * taken. A call gets its turn only once its body is there, and is over before its answer is taken: turns alone bound
 * neither.
 *
 * Register it behind whatever refuses strangers: they must not take these places.
 *
 * @param answers is told of the characters of each answer for as long as they are not taken
 */
export function boundCallsInHand(app: FastifyInstance, calls: Shares, answers: Shares): void {
  const inHand = new WeakSet<FastifyRequest>();

  app.addHook('onRequest', (request, { raw }, done) => {
    if (request.routeOptions.config.public) {
      done();
      return;
    }
    const { keyId } = request.caller;
    if (!calls.hasRoom(keyId)) {
      done(overloaded('as many calls are in hand as may be'));
      return;
    }
    inHand.add(request);
    onceClosed(raw, calls.take(keyId));
    done();
  });

  app.addHook('onSend', (request, { raw }, payload, done) => {
    if (inHand.has(request) && typeof payload === 'string')
      onceClosed(raw, answers.take(request.caller.keyId, payload.length));
    done();
  });
}

/** Who hung up meanwhile is not heard of again. */
function onceClosed(response: ServerResponse, giveBack: () => void): void {
  if (response.destroyed) giveBack();
  else response.once('close', giveBack);
}
