import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { limits } from '../limits.ts';

/** Options of `detectNPlusOne` and `expectNoNPlusOne`. */
export interface NPlusOneOptions {
  /** This many single calls of one shape, from one place of the code and in one context, are a loop: 2 to 10,000. Default: 5 */
  readonly threshold?: number | undefined;
}

const OPTIONS = namesOf<NPlusOneOptions>({ threshold: true });

/** @throws PincexError `invalid_argument` */
export function thresholdOf(call: string, options: NPlusOneOptions | undefined): number {
  const { byDefault, most } = limits.nPlusOne.threshold;
  const { threshold = byDefault } = readOptions(call, options, OPTIONS);
  if (Number.isInteger(threshold) && threshold >= 2 && threshold <= most) return threshold;
  const message = `threshold must be a whole number from 2 to ${most}: got ${describe(threshold)}`;
  throw new PincexError('invalid_argument', message);
}
