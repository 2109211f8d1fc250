import type { FastifyInstance } from 'fastify';

/** What pages may send and read beside what every page may. */
const HEADERS = 'Authorization, Content-Type, Idempotency-Key, Request-Id, Request-Timeout';
const EXPOSED = 'Allow, Idempotency-Hit, RateLimit, RateLimit-Policy, Request-Id, Retry-After';

/** For how many seconds a browser remembers it: the longest that any does. */
const MAX_AGE = '7200';

/**
 * Lets pages of these origins call the service from browsers (CORS). Register it before what asks for keys: browsers
 * ask without one first, and have to be able to read that one is missing.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    // What is answered to one origin is not to be taken for an answer to another.
    reply.header('vary', 'Origin');
    const { origin } = headers;
    if (origin === undefined || !allowed.has(origin)) return;
    reply.headers({ 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED });
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return;
    return reply
      .status(204)
      .headers({
        'access-control-allow-methods': 'GET, HEAD, POST',
        'access-control-allow-headers': HEADERS,
        'access-control-max-age': MAX_AGE,
      })
      .send();
  });
}
