import { Rejection } from '../books/rejection.ts';
import { describe, reasonOf } from '../describe.ts';
import { limits } from '../limits.ts';
import { isArray } from '../lists.ts';

/**
 * Metadata as canonical JSON: the names of objects are sorted, so that equal contents have equal texts. Each part is read
 * once, and reading stops at the size limit.
 *
 * @throws Rejection `invalid_metadata`
 */
export function metadataText(metadata: unknown): string {
  const budget = { left: limits.books.metadataBytes };
  let text: string;
  try {
    if (!isPlainObject(metadata)) throw refusal('metadata', 'must be an object', metadata);
    text = objectText(metadata, 'metadata', budget);
  } catch (error) {
    if (error instanceof Rejection) throw error;
    throw new Rejection('invalid_metadata', `metadata cannot be read: ${reasonOf(error)}`);
  }
  if (Buffer.byteLength(text) > limits.books.metadataBytes) throw tooLarge();
  return text;
}

/** Counts down the characters that may still come. Every character takes at least a byte. */
interface Budget {
  left: number;
}

function objectText(object: Readonly<Record<string, unknown>>, path: string, budget: Budget): string {
  spend(budget, '{}');
  const names = Object.keys(object);
  if (names.length > budget.left) throw tooLarge();
  const fields: string[] = [];
  for (const name of names.sort()) {
    const value = object[name];
    if (value === undefined) continue;
    const place = `${path}.${name}`;
    fields.push(`${stringText(name, path, budget)}:${valueText(value, place, budget)}`);
  }
  return `{${fields.join(',')}}`;
}

function valueText(value: unknown, path: string, budget: Budget): string {
  if (typeof value === 'string') return stringText(value, path, budget);
  const isPlain = value === null || typeof value === 'boolean' || Number.isFinite(value);
  if (isPlain) return spend(budget, JSON.stringify(value));
  if (isArray(value)) {
    spend(budget, '[]');
    if (value.length > budget.left) throw tooLarge();
    return `[${Array.from(value, (one, n) => valueText(one, `${path}[${n}]`, budget)).join(',')}]`;
  }
  if (isPlainObject(value)) return objectText(value, path, budget);
  throw refusal(path, 'must be a text, a finite number, true, false, null, a list or a plain object', value);
}

/** PostgreSQL stores neither NUL nor lone surrogates. */
function stringText(text: string, path: string, budget: Budget): string {
  if (text.length > budget.left) throw tooLarge();
  if (text.includes('\0') || !text.isWellFormed()) {
    throw refusal(path, 'must be well-formed Unicode without U+0000', text);
  }
  return spend(budget, JSON.stringify(text));
}

function spend(budget: Budget, text: string): string {
  budget.left -= text.length;
  if (budget.left < 0) throw tooLarge();
  return text;
}

/** Whether a value is a plain object. JSON would change a date or a map. */
function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const refusal = (path: string, problem: string, value: unknown): Rejection =>
  new Rejection('invalid_metadata', `${path.slice(0, 100)} ${problem}: got ${describe(value)}`);

const tooLarge = (): Rejection =>
  new Rejection(
    'invalid_metadata',
    `metadata must have at most ${limits.books.metadataBytes} bytes as JSON in UTF-8: got more`,
  );
