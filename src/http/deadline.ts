import type { FastifyInstance } from 'fastify';
import { Problem, shortened } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** When its client stops waiting, by `performance.now()`; never where it does not say. */
    deadline: number;
  }
}

/** The longest time a timer of Node.js can wait, in seconds. */
export const MOST_SECONDS = 2_147_483;

/** Reads `Request-Timeout`; its time runs from when the request began to come. */
export function readDeadlines(app: FastifyInstance): void {
  app.decorateRequest('deadline', Infinity);
  app.addHook('onRequest', (request, reply, done) => {
    // Whether the process lives does not depend on how long somebody waits for it.
    if (!request.routeOptions.config.public)
      request.deadline =
        performance.now() - reply.elapsedTime + timeoutOf(request.headers['request-timeout']);
    done();
  });
}

/**
 * For how long the client waits, in milliseconds.
 *
 * @param header `Request-Timeout`, in seconds: `5`, `0.25`
 * @throws Problem `invalid_request_timeout`
 */
export function timeoutOf(header: string | string[] | undefined): number {
  if (header === undefined) return Infinity;
  const seconds = typeof header === 'string' && /^\d{1,7}(\.\d{1,6})?$/.test(header) ? Number(header) : NaN;
  if (seconds > 0 && seconds <= MOST_SECONDS) return seconds * 1_000;
  const detail = `takes seconds, such as 5 or 0.25, more than 0 and up to ${MOST_SECONDS}: got ${shortened(JSON.stringify(header))}`;
  throw new Problem('invalid_request_timeout', `Request-Timeout ${detail}`, {
    errors: [{ header: 'Request-Timeout', detail }],
  });
}
