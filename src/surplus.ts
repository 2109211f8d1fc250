import { describe } from './describe.ts';
import { publishCall } from './diagnostics.ts';
import { PincexError } from './errors.ts';
import { copyKnown } from './known.ts';

type Method = (this: unknown, ...given: unknown[]) => unknown;

/**
 * Makes the methods of a class, and its static ones, refuse arguments beyond their declared parameters, which JavaScript would
 * ignore. These methods declare no default values, since `length` does not count the parameters from the first default on.
 */
export function refuseSurplus(type: { readonly prototype: object }): void {
  for (const owner of [type, type.prototype]) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (typeof value !== 'function' || name === 'constructor') continue;
      Object.defineProperty(owner, name, { value: exactly(name, value as Method) });
    }
  }
}

/** A function that refuses arguments beyond its declared parameters, and publishes its calls. */
export function exactly<Given extends unknown[], Result>(
  name: string,
  call: (this: unknown, ...given: Given) => Result,
): (...given: Given) => Result {
  const { length } = call;
  const checked = function (this: unknown, ...given: Given): unknown {
    const problem = surplusIn(name, length, given);
    if (problem === undefined) return publishCall(name, () => call.apply(this, given));
    const error = new PincexError('invalid_argument', problem);
    // All other methods return a promise.
    if (name.startsWith('stream')) throw error;
    return Promise.reject(error);
  };
  return Object.defineProperty(checked, 'name', { value: name }) as (...given: Given) => Result;
}

/**
 * The problem of surplus arguments, if there is one. `undefined`, `null` and empty options are ignored, and so are texts and
 * numbers for a call without parameters, such as a signal handler.
 */
function surplusIn(call: string, takes: number, given: readonly unknown[]): string | undefined {
  for (let place = takes; place < given.length; place++) {
    const value = given[place];
    if (value === undefined || value === null) continue;
    const where = `argument ${place + 1} of ${call}, which takes ${takes === 0 ? 'none' : takes}`;
    if (typeof value === 'object') {
      const { problem } = copyKnown(value, NONE, `understood in ${where}`);
      if (problem !== undefined) return problem;
    } else if (takes > 0) return `${describe(value)} is ${where}`;
  }
  return undefined;
}

const NONE: ReadonlySet<string> = new Set();
