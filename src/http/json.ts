import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { limits } from '../limits.ts';
import { readBody } from './body.ts';
import { requirePlain } from './jsonText.ts';
import { malformed, Problem, shortened } from './problem.ts';
import type { Turns } from './turns.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it came; empty where there is none. */
    rawBody: string;
    /** Its bytes; of one that was not read to its end, those that room was made for. */
    bodyBytes: number;
  }
}

/**
 * Reads JSON bodies, and keeps their text: an idempotency key stands for all of it, and a number that was sent for an
 * amount is told with the digits that it had, not with those that a double has left of them.
 *
 * What somebody else could read in another way is refused: bytes that are no UTF-8, and a field that is given twice.
 */
export function readJson(app: FastifyInstance, turns: Pick<Turns, 'begin'>): void {
  app.decorateRequest('rawBody', '');
  app.decorateRequest('bodyBytes', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    requireEncoding(request.headers);
    const { bodyLimit } = request.routeOptions;
    const hold = (bytes: number): boolean => {
      request.bodyBytes += bytes;
      return request.holdBytes(bytes);
    };
    const bytes = await readBody(payload, bodyLimit, request.deadline, hold).catch((error: unknown) => {
      request.dropBytes();
      throw error;
    });
    request.bodyBytes = bytes.length;
    await turns.begin(request);
    request.rawBody = textOf(bytes);
    requirePlain(request.rawBody, limits.http.bodyValues);
    return valueOf(request.rawBody);
  });
}

function requireEncoding({
  'content-encoding': encoding = 'identity',
  'content-type': type = '',
}: IncomingHttpHeaders): void {
  const charsets = [...type.matchAll(/;\s*charset\s*=\s*"?([^";]*)/gi)].map(([, name = '']) => name.trim());
  const charset = charsets.find((name) => name.toLowerCase() !== 'utf-8');
  if (encoding !== 'identity') throw unsupported(`Content-Encoding ${shortened(JSON.stringify(encoding))}`);
  if (charset !== undefined) throw unsupported(`The charset ${shortened(JSON.stringify(charset))}`);
  if (charsets.length > 1) throw unsupported(`A charset that is given ${charsets.length} times`);
}

const unsupported = (what: string): Problem =>
  new Problem('unsupported_media_type', `${what} is not supported: bodies are JSON in UTF-8, as it is`);

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed({ pointer: '', detail: 'is not UTF-8' });
  }
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed({ pointer: '', detail: `is not valid JSON: ${(error as Error).message}` });
  }
}
