import type { FastifyInstance } from 'fastify';

/** Headers that pages may send and read, beside those that CORS always allows. */
const HEADERS =
  'Authorization, Content-Type, Idempotency-Key, Request-Id, Request-Timeout, Traceparent, Tracestate';
const EXPOSED = 'Allow, Idempotency-Hit, RateLimit, RateLimit-Policy, Request-Id, Retry-After';

/** Seconds for which a browser caches the answer to a preflight: the longest that any browser allows. */
const MAX_AGE = '7200';

/**
 * Lets pages of these origins call the service from browsers (CORS). Register it before authentication: a preflight has
 * no key, and pages have to be able to read the refusal of a call without one.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    // Caches must not give the answer for one origin to another.
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
