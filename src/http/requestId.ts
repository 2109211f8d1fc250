import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { v7 as uuidv7 } from 'uuid';

const HEADER = 'request-id';

/** What may come from a client, or from a proxy before us: nothing that could break a line, or a header, or fill a log. */
const WELL_FORMED = /^[\w.:+/=@-]{1,128}$/;

/** The `Request-Id` of a call, where it has one that is well-formed, or a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers[HEADER];
  return typeof given === 'string' && WELL_FORMED.test(given) ? given : uuidv7();
}

/** Every answer bears the id that the lines of the log bear. */
export function tellRequestIds(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(HEADER, request.id);
    done();
  });
}
