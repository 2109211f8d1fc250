import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { rounded } from '../duration.ts';

/** A path, as a line shows it. */
const MOST_CHARACTERS = 200;

/** Writes a line for each call, once the last of its answer is gone, or its client. */
export function logCalls(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    logCall(request, reply);
    done();
  });
}

/** Nothing of what was sent, but who sent it, and where: no key, no query, no body. */
export function logCall(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply;
  raw.once('close', () => {
    request.log.info(
      {
        method: request.method,
        path: (request.url.split('?', 1)[0] ?? '').slice(0, MOST_CHARACTERS),
        // Who hung up before has got none.
        status: raw.headersSent ? raw.statusCode : null,
        ...(request.problem !== null && { code: request.problem }),
        ...(!raw.writableFinished && { isCut: true }),
        durationMs: rounded(reply.elapsedTime),
        keyId: request.keyId,
        ...(request.batchId !== null && { batchId: request.batchId }),
        address: request.ip,
      },
      'call',
    );
  });
}
