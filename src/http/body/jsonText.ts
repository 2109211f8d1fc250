import { malformed, Problem, shortened } from '../problems/problem.ts';

/**
 * Reads JSON text without building values, in one pass: the digits of a number and fields given twice are lost in
 * parsing, and the client chooses how deep and how large a text is.
 */

/** An object or array whose end has not been read. */
interface Level {
  /** Names of the members read so far; null for an array. */
  readonly names: Set<string> | null;
  /** Name of the member, or index of the element, that is being read. */
  name: string;
  index: number;
  /** Whether the next string is the name of a member, not its value. */
  expectsName: boolean;
}

/** A batch has five levels at most. */
const MOST_LEVELS = 32;

/**
 * Refuses a text in which a field is given twice, which parsers read differently, and a text that is nested too deep or
 * has too many values, before it costs the time of parsing. The text need not be valid JSON: parsing finds that.
 *
 * @throws Problem `malformed_request`, `body_too_large`
 */
export function refuseAmbiguous(json: string, mostValues: number): void {
  const levels: Level[] = [];
  let level: Level | undefined;
  let values = 1;
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at);
    switch (character) {
      case QUOTE: {
        const end = endOfString(json, at);
        if (level?.names && level.expectsName) {
          level.name = unquoted(json.slice(at, end + 1));
          level.expectsName = false;
          if (level.names.has(level.name)) throw givenTwice(levels);
          level.names.add(level.name);
        }
        at = end;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY: {
        const isObject = character === OPEN_OBJECT;
        level = { names: isObject ? new Set() : null, name: '', index: 0, expectsName: isObject };
        requireFewer(++values, mostValues);
        if (levels.push(level) <= MOST_LEVELS) break;
        throw malformed({ pointer: '', detail: `is nested deeper than ${MOST_LEVELS} levels` });
      }
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        levels.pop();
        level = levels.at(-1);
        break;
      case COMMA:
        requireFewer(++values, mostValues);
        if (level === undefined) break;
        level.index++;
        level.expectsName = level.names !== null;
    }
  }
}

function requireFewer(values: number, most: number): void {
  if (values > most) throw new Problem('body_too_large', `A body has at most ${most} values`);
}

function givenTwice(levels: readonly Level[]): Problem {
  const parts = levels.map(({ names, name, index }) => (names ? escaped(name) : String(index)));
  return malformed({ pointer: shortened(`/${parts.join('/')}`), detail: 'is given twice' });
}

/** An element of an array. */
interface Element {
  readonly index: number;
  /** Offset of its first character. */
  readonly at: number;
}

/**
 * Returns a function that finds the text of the value at a pointer (RFC 6901) of valid JSON, a number with all its digits;
 * `undefined` if there is no such value, or `json` is empty. Elements of an array are found in one pass if they are asked
 * for in their order.
 */
export function textFinder(json: string): (pointer: string) => string | undefined {
  const latest = new Map<number, Element>();
  return (pointer) => textAt(json, pointer, latest);
}

/** @param latest the element of each array that was found last, by the offset of the array */
function textAt(json: string, pointer: string, latest: Map<number, Element>): string | undefined {
  let at: number | undefined = afterSpace(json, 0);
  for (const part of pointer.split('/').slice(1)) {
    at = memberOf(json, at, part.replaceAll('~1', '/').replaceAll('~0', '~'), latest);
    if (at === undefined) return undefined;
  }
  switch (json.charCodeAt(at)) {
    case OPEN_OBJECT:
      return 'an object';
    case OPEN_ARRAY:
      return 'an array';
    default:
      return json.slice(at, endOfValue(json, at)) || undefined;
  }
}

/** Offset of a member of an object, or of an element of an array. */
function memberOf(
  json: string,
  container: number,
  wanted: string,
  latest: Map<number, Element>,
): number | undefined {
  const isObject = json.charCodeAt(container) === OPEN_OBJECT;
  if (!isObject && json.charCodeAt(container) !== OPEN_ARRAY) return undefined;
  const known = isObject ? undefined : latest.get(container);
  const isAhead = known !== undefined && Number(wanted) >= known.index;
  let { index, at } = isAhead ? known : { index: 0, at: afterSpace(json, container + 1) };
  for (; at < json.length && !isClosing(json.charCodeAt(at)); index++) {
    let name = String(index);
    if (isObject) {
      const end = endOfString(json, at) + 1;
      name = unquoted(json.slice(at, end));
      const colon = afterSpace(json, end);
      at = afterSpace(json, colon + 1);
    }
    if (name === wanted) {
      if (!isObject) latest.set(container, { index, at });
      return at;
    }
    at = afterSpace(json, endOfValue(json, at));
    if (json.charCodeAt(at) === COMMA) at = afterSpace(json, at + 1);
  }
  return undefined;
}

function endOfValue(json: string, begin: number): number {
  let depth = 0;
  for (let at = begin; at < json.length; at++) {
    const character = json.charCodeAt(at);
    if (character === QUOTE) {
      at = endOfString(json, at);
      if (depth === 0) return at + 1;
    } else if (character === OPEN_OBJECT || character === OPEN_ARRAY) {
      depth++;
    } else if (isClosing(character)) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (character === COMMA || isSpace(character))) {
      return at;
    }
  }
  return json.length;
}

function endOfString(json: string, begin: number): number {
  let at = begin + 1;
  while (at < json.length && json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function afterSpace(json: string, begin: number): number {
  let at = begin;
  while (isSpace(json.charCodeAt(at))) at++;
  return at;
}

/** Value of a JSON string; its text as it stands if it is not valid. */
function unquoted(string: string): string {
  if (!string.includes('\\')) return string.slice(1, -1);
  try {
    return JSON.parse(string) as string;
  } catch {
    return string;
  }
}

/** A name as one part of a JSON pointer. */
export const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const isClosing = (character: number): boolean => character === CLOSE_ARRAY || character === CLOSE_OBJECT;

/** Whitespace of JSON. `NaN`, the code behind the end of a text, is none. */
const isSpace = (character: number): boolean =>
  character === 0x20 || character === 0x0a || character === 0x0d || character === 0x09;
