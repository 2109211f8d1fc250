import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLosslessNumber, parse, stringify } from 'lossless-json';
import { malformed, Problem, shortened } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it came; empty where there is none. */
    rawBody: string;
  }
}

/**
 * Reads JSON bodies, and keeps their text: an idempotency key stands for all of it, and a number that was sent for an
 * amount is told with the digits that it had, not with those that a double has left of them.
 *
 * What somebody else could read in another way is refused: bytes that are no UTF-8, and a field that is given twice.
 */
export function readJson(app: FastifyInstance): void {
  app.decorateRequest('rawBody', '');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, bytes: Buffer, done) => {
      try {
        requireEncoding(request.headers);
        request.rawBody = textOf(bytes);
        done(null, read(request.rawBody));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

function requireEncoding({
  'content-encoding': encoding = 'identity',
  'content-type': type = '',
}: IncomingHttpHeaders): void {
  const charset = /;\s*charset="?([^";]*)/i.exec(type)?.[1]?.trim() ?? 'utf-8';
  if (encoding !== 'identity') throw unsupported(`Content-Encoding ${JSON.stringify(encoding)}`);
  if (charset.toLowerCase() !== 'utf-8') throw unsupported(`The charset ${JSON.stringify(charset)}`);
}

const unsupported = (what: string): Problem =>
  new Problem(415, 'unsupported_media_type', `${what} is not supported: bodies are JSON in UTF-8, as it is`);

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed({ pointer: '', detail: 'is not UTF-8' });
  }
}

function read(text: string): unknown {
  const value = valueOf(text);
  // The field that came last would be taken; counting costs less than looking at each.
  if (countFields(text) !== countProperties(value)) requireOnce(text);
  return value;
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed({ pointer: '', detail: `is not valid JSON: ${(error as Error).message}` });
  }
}

/** How many fields the objects of a JSON text have: each has a colon that stands in no string. */
function countFields(json: string): number {
  let count = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at);
    if (character === COLON) count++;
    else if (character === QUOTE) at = endOfString(json, at);
  }
  return count;
}

const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function endOfString(json: string, begin: number): number {
  let at = begin + 1;
  while (json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

/** Not by recursion: how deep a value is, its sender chooses. */
function countProperties(value: unknown): number {
  let count = 0;
  const rest = [value];
  while (rest.length > 0) {
    const found = rest.pop();
    if (typeof found !== 'object' || found === null) continue;
    const inner = Object.values(found);
    if (!Array.isArray(found)) count += inner.length;
    for (const one of inner) if (typeof one === 'object') rest.push(one);
  }
  return count;
}

const TWICE = Symbol('twice');

/** Refuses an object that has two values for a field; that it has the same one twice deceives nobody. */
function requireOnce(json: string): void {
  const value = lossless(json, () => TWICE);
  const pointer = pointerTo(TWICE, value);
  if (pointer === undefined) return;
  throw malformed({ pointer: shortened(pointer), detail: 'is given twice, with different values' });
}

function pointerTo(wanted: unknown, value: unknown, pointer = ''): string | undefined {
  if (value === wanted) return pointer;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = pointerTo(wanted, inner, `${pointer}/${escaped(name)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `undefined` where there is nothing, or more depth than this parser goes to; no schema has that either. */
function lossless(json: string, onDuplicateKey: (duplicate: { newValue: unknown }) => unknown): unknown {
  try {
    return parse(json, undefined, { onDuplicateKey });
  } catch {
    return undefined;
  }
}

/** What stands at this place of a JSON text, a number with all its digits; `undefined` where nothing does. */
export function textAt(json: string, pointer: string): string | undefined {
  let value = lossless(json, ({ newValue }) => newValue);
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  if (Array.isArray(value)) return 'an array';
  const isObject = typeof value === 'object' && value !== null && !isLosslessNumber(value);
  return isObject ? 'an object' : stringify(value);
}

/** A name as a part of a JSON pointer. */
export const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
