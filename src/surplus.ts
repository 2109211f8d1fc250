import { describe } from './describe.ts';
import { PincexError } from './errors.ts';
import { copyKnown } from './known.ts';

type Method = (this: unknown, ...given: unknown[]) => unknown;

/**
 * Makes the methods of a class, and its static ones, refuse what is given beyond the parameters that they declare: it would
 * be passed over. So they declare no default values, behind which parameters do not count.
 */
export function refuseSurplus(type: { readonly prototype: object }): void {
  for (const owner of [type, type.prototype]) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (typeof value !== 'function' || name === 'constructor') continue;
      Object.defineProperty(owner, name, { value: exactly(name, value as Method) });
    }
  }
}

/** A function that refuses what is given beyond the parameters that it declares. */
export function exactly<Given extends unknown[], Result>(
  name: string,
  call: (this: unknown, ...given: Given) => Result,
): (...given: Given) => Result {
  const { length } = call;
  const checked = function (this: unknown, ...given: Given): unknown {
    const problem = surplusIn(name, length, given);
    if (problem === undefined) return call.apply(this, given);
    const error = new PincexError('invalid_argument', problem);
    // All others promise what they answer.
    if (name.startsWith('stream')) throw error;
    return Promise.reject(error);
  };
  return Object.defineProperty(checked, 'name', { value: name }) as (...given: Given) => Result;
}

/** `undefined`, `null` and empty options say nothing; nor do texts and numbers to a call that takes nothing, such as a handler of signals. */
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
