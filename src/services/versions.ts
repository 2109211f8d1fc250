import { PincexError } from '../errors.ts';
import type { Accepts } from '../repository/repository.ts';

/**
 * What a reader knows of what it reads: the version that a result named. It then gets that one or a newer one,
 * whatever a cache or a replica has.
 */
export interface MinVersion {
  readonly minVersion?: number | null;
}

/** The same for many: in the order of the results, `null` where nothing is known. */
export interface MinVersions {
  readonly minVersions?: readonly (number | null)[];
}

type Versioned = { readonly version: number } | null;

/** An account that was opened has version 0: what is not there is older than that. */
const MISSING = -1;
const versionOf = (row: Versioned): number => row?.version ?? MISSING;

export function atLeast({ minVersion }: MinVersion = {}): ((row: Versioned) => boolean) | undefined {
  if (minVersion == null) return undefined;
  requireVersion(minVersion);
  return (row) => versionOf(row) >= minVersion;
}

/** @param count of results: of each one it is said, or of none */
export function eachAtLeast(
  count: number,
  { minVersions }: MinVersions = {},
): Accepts<Versioned> | undefined {
  if (minVersions === undefined) return undefined;
  const given: unknown = minVersions;
  if (!Array.isArray(given) || given.length !== count) {
    throw new PincexError(
      'invalid_argument',
      `minVersions must be an array of ${count}, one for each result`,
    );
  }
  for (const version of minVersions) if (version !== null) requireVersion(version);
  return (row, place) => versionOf(row) >= (minVersions[place] ?? MISSING);
}

function requireVersion(version: number): void {
  if (Number.isSafeInteger(version) && version >= 0) return;
  throw new PincexError('invalid_argument', `A version is a whole number from 0: got ${version}`);
}
