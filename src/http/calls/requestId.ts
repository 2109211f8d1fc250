import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { v7 as uuidv7 } from 'uuid';

const HEADER = 'request-id';

/** Ids of clients and proxies are echoed and logged, so they must not break a line or a header, nor fill a log. */
const WELL_FORMED = /^[\w.:+/=@-]{1,128}$/;

/** The `Request-Id` of a call if it is well-formed, else a new id. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers[HEADER];
  return typeof given === 'string' && WELL_FORMED.test(given) ? given : uuidv7();
}

/** Gives each answer the request id that the lines of the log have. */
export function echoRequestIds(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(HEADER, request.id);
    done();
  });
}
