import type { FastifyInstance } from 'fastify';
import { isLosslessNumber, parse } from 'lossless-json';
import { Problem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it came; empty where there is none. */
    rawBody: string;
  }
}

/**
 * Reads JSON bodies, and keeps their text: an idempotency key stands for the very bytes, and a number that was sent
 * for an amount is told with the digits that it had, not with those that a double has left of them.
 */
export function readJson(app: FastifyInstance): void {
  app.decorateRequest('rawBody', '');
  const parseBody = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body);
    request.rawBody = text;
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      const detail = `Bodies come as they are: Content-Encoding ${JSON.stringify(encoding)} is not supported`;
      done(new Problem(415, 'unsupported_media_type', detail));
      return;
    }
    void parseBody(request, text, done);
  });
}

/** The digits of the number at this place of a JSON text; `undefined` where there is none. */
export function digitsAt(json: string, pointer: string): string | undefined {
  let value = read(json);
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return isLosslessNumber(value) ? value.toString() : undefined;
}

/** `undefined` where there is no body, or one that is nested more deeply than this parser goes. */
function read(json: string): unknown {
  try {
    return parse(json);
  } catch {
    return undefined;
  }
}
