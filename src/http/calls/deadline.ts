import type { FastifyInstance } from 'fastify';
import { MOST_TIMER_SECONDS } from '../../deadline.ts';
import { Problem, shortened } from '../problems/problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** When the client stops waiting, by `performance.now()`; `Infinity` if it does not say. */
    deadline: number;
  }
}

/** Reads `Request-Timeout`. Its time runs from the arrival of the request's first byte. */
export function readDeadlines(app: FastifyInstance): void {
  app.decorateRequest('deadline', Infinity);
  app.addHook('onRequest', (request, reply, done) => {
    // Public routes tell whether the process lives, which no deadline changes.
    if (!request.routeOptions.config.public)
      request.deadline =
        performance.now() - reply.elapsedTime + timeoutOf(request.headers['request-timeout']);
    done();
  });
}

/**
 * Milliseconds that the client waits.
 *
 * @param header `Request-Timeout`, in seconds: `5`, `0.25`
 * @throws Problem `invalid_request_timeout`
 */
export function timeoutOf(header: string | string[] | undefined): number {
  if (header === undefined) return Infinity;
  const seconds = typeof header === 'string' && /^\d{1,7}(\.\d{1,6})?$/.test(header) ? Number(header) : NaN;
  if (seconds > 0 && seconds <= MOST_TIMER_SECONDS) return seconds * 1_000;
  const detail = `takes seconds, such as 5 or 0.25, more than 0 and up to ${MOST_TIMER_SECONDS}: got ${shortened(JSON.stringify(header))}`;
  throw new Problem('invalid_request_timeout', `Request-Timeout ${detail}`, {
    errors: [{ header: 'Request-Timeout', detail }],
  });
}
