import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { limits } from '../../limits.ts';
import type { CallGate } from '../load/callGate.ts';
import { malformed, Problem, shortened } from '../problems/problem.ts';
import { refuseAmbiguous } from './jsonText.ts';
import { readBody } from './readBody.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Text of the body as it was sent; empty if there is none. */
    rawBody: string;
    /** Bytes of the body; while it is not read to its end, the bytes that were reserved for it. */
    bodyBytes: number;
  }
}

/**
 * Parses JSON bodies and keeps their text. An idempotency key stands for the exact text, and a message repeats a number
 * with the digits that were sent, not with those that a double keeps.
 *
 * Bodies that two parsers may read differently are refused: bytes that are not UTF-8, and a field that is given twice.
 */
export function parseJsonBodies(app: FastifyInstance, gate: Pick<CallGate, 'enter'>): void {
  app.decorateRequest('rawBody', '');
  app.decorateRequest('bodyBytes', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    requireEncoding(request.headers);
    const { bodyLimit } = request.routeOptions;
    const reserve = (bytes: number): boolean => {
      request.bodyBytes += bytes;
      return request.reserveBytes(bytes);
    };
    const bytes = await readBody(payload, bodyLimit, request.deadline, reserve).catch((error: unknown) => {
      request.releaseBytes();
      throw error;
    });
    request.bodyBytes = bytes.length;
    await gate.enter(request);
    request.rawBody = decode(bytes);
    refuseAmbiguous(request.rawBody, limits.http.bodyValues);
    return parse(request.rawBody);
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
  new Problem('unsupported_media_type', `${what} is not supported: bodies are uncompressed JSON in UTF-8`);

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed({ pointer: '', detail: 'is not UTF-8' });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed({ pointer: '', detail: `is not valid JSON: ${(error as Error).message}` });
  }
}
