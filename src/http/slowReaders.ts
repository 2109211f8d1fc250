import type { FastifyInstance } from 'fastify';

/**
 * Cuts off who takes nothing of an answer for so long: an answer takes memory while it waits, and a stream a place and
 * a cursor. Where it goes on behind is for the client to say: a stream has its cursors, a batch its outcome.
 */
export function cutSlowReaders(app: FastifyInstance, patienceMs: number): void {
  app.addHook('onSend', (_request, { raw }, _payload, done) => {
    raw.setTimeout(patienceMs, () => {
      // Where nothing is there to be taken, it is the client that waits: for the next page of a stream.
      if (raw.writableLength > 0) raw.destroy();
    });
    done();
  });
}
