import type { FastifyInstance } from 'fastify';
import { overloaded } from './admission.ts';

/**
 * Bounds the memory of calls: so many may be in hand, each from before its body is read until the last of its answer is
 * taken. A call gets its turn only once its body is there, so turns alone would not bound how many bodies are.
 *
 * Register it behind whatever refuses strangers: they must not take these places.
 */
export function boundCallsInHand(app: FastifyInstance, most: number): void {
  let inHand = 0;
  app.addHook('onRequest', (request, { raw }, done) => {
    // Who hung up while the key was looked at sends nothing any more, and is not heard of again.
    if (request.routeOptions.config.public || raw.destroyed) {
      done();
      return;
    }
    if (inHand >= most) {
      done(overloaded(`${most} calls are in hand, as many as may be`));
      return;
    }
    inHand++;
    raw.once('close', () => {
      inHand--;
    });
    done();
  });
}
