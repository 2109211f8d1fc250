import { describe, reasonOf } from './describe.ts';
import { PincexError, type ErrorCode } from './errors.ts';
import { isArray } from './lists.ts';

/** The names that an object may have. */
export type Names<Fields extends object> = ReadonlySet<keyof Fields & string>;

/** The names of the fields of a type. The compiler reports a missing name and a surplus one. */
export function namesOf<Fields extends object>(
  names: Readonly<Record<keyof Fields & string, true>>,
): Names<Fields> {
  return new Set(Object.keys(names) as (keyof Fields & string)[]);
}

/** A copy of an object that was read once, and the problem of the object as a whole, if it has one. */
export interface Copy {
  readonly values: Record<string, unknown>;
  readonly problem?: string;
}

/**
 * Copies the known fields of an object once, so that later changes by a getter, a Proxy or the caller have no effect. Fields
 * may come from a prototype. An unknown field, or one that cannot be read, is a problem.
 *
 * @param what the role of the object, as in "not a field of lockFunds"
 * @param beside other names that are allowed but not copied
 */
export function copyKnown(
  object: object,
  known: ReadonlySet<string>,
  what: string,
  beside: readonly string[] = [],
): Copy {
  const from = object as Readonly<Record<string, unknown>>;
  const values: Record<string, unknown> = {};
  let problem: string | undefined;
  for (const name of known) {
    try {
      const value = from[name];
      if (value !== undefined) values[name] = value;
    } catch (error) {
      problem ??= `${name} cannot be read: ${reasonOf(error)}`;
    }
  }
  try {
    for (const name in from) {
      if (known.has(name) || beside.includes(name)) continue;
      problem ??= unknownName(name, known, what);
      break;
    }
  } catch (error) {
    problem ??= `its fields cannot be listed: ${reasonOf(error)}`;
  }
  return problem === undefined ? { values } : { values, problem };
}

/**
 * Reads the options of a call.
 *
 * @param call the name of the call, for messages
 * @throws PincexError with `code`
 */
export function readOptions<Options extends object>(
  call: string,
  options: unknown,
  known: Names<Options>,
  code: ErrorCode = 'invalid_argument',
): Options {
  if (options === undefined || options === null) return {} as Options;
  if (typeof options !== 'object' || isArray(options)) {
    throw new PincexError(code, `The options of ${call} are an object: got ${describe(options)}`);
  }
  const { values, problem } = copyKnown(options, known, `an option of ${call}`);
  if (problem !== undefined) throw new PincexError(code, problem);
  return values as Options;
}

function unknownName(name: string, known: ReadonlySet<string>, what: string): string {
  const near = nearest(name, known);
  const takes = near === undefined ? 'there is none' : `the nearest is ${near}, of ${[...known].join(', ')}`;
  return `${describe(name)} is not ${what}: ${takes}`;
}

/** Only this many characters of two names are compared. */
const COMPARED = 40;

/**
 * The known name with the fewest differences, ignoring case; `undefined` without known names. A name that begins with the
 * other one, as `reference` with `ref`, counts as one difference at most.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of known) {
    const distance = distanceOf(name, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** The number of characters to add, remove or change to turn one text into the other (Levenshtein distance). */
function distanceOf(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => text.slice(0, COMPARED).toLowerCase()) as [string, string];
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  const distance = row[b.length] ?? 0;
  return a.startsWith(b) || b.startsWith(a) ? Math.min(distance, 1) : distance;
}
