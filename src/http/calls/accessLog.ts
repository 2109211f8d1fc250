import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { rounded } from '../../duration.ts';

/** Longest path that is logged. */
const MOST_CHARACTERS = 200;

/** Logs a line for each call, once its answer is sent whole or its client has hung up. */
export function logCalls(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    logCall(request, reply);
    done();
  });
}

/** Logs one call: who sent it and to which path; no secret, no query, no body. */
export function logCall(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply;
  raw.once('close', () => {
    request.log.info(
      {
        method: request.method,
        path: (request.url.split('?', 1)[0] ?? '').slice(0, MOST_CHARACTERS),
        // A client that hung up before the headers were sent got no status.
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
