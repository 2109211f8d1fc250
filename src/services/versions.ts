import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { copyList, isVersion } from '../reads/readArguments.ts';
import type { Accepts } from '../repository/repository.ts';

/**
 * What a reader knows of what it reads: the version that a result named. It then gets that one or a newer one,
 * whatever a cache or a replica has.
 */
export interface MinVersion {
  /** Of what is read; `null`: nothing is known. */
  readonly minVersion?: number | null | undefined;
}

/** The same for many: in the order of the results, `null` where nothing is known. */
export interface MinVersions {
  /** One for each result. */
  readonly minVersions?: readonly (number | null)[] | undefined;
}

type Versioned = { readonly version: number } | null;

/** An account that was opened has version 0: what is not there is older than that. */
const MISSING = -1;
const versionOf = (row: Versioned): number => row?.version ?? MISSING;

const ONE = namesOf<MinVersion>({ minVersion: true });
const MANY = namesOf<MinVersions>({ minVersions: true });

/** @param call the name of the read */
export function atLeast(call: string, options?: MinVersion): ((row: Versioned) => boolean) | undefined {
  const { minVersion = null } = readOptions(call, options, ONE);
  if (minVersion === null) return undefined;
  requireVersion(minVersion);
  return (row) => versionOf(row) >= minVersion;
}

/** @param count of results: of each one it is said, or of none */
export function eachAtLeast(
  call: string,
  count: number,
  options?: MinVersions,
): Accepts<Versioned> | undefined {
  const { minVersions } = readOptions(call, options, MANY);
  if (minVersions === undefined) return undefined;
  const known = copyList('minVersions', minVersions, 'versions', (length) => {
    if (length === count) return;
    throw new PincexError(
      'invalid_argument',
      `minVersions must be an array of ${count}, one for each result`,
    );
  });
  const versions = known.map((version) => (version === null ? MISSING : requireVersion(version)));
  return (row, place) => versionOf(row) >= (versions[place] ?? MISSING);
}

function requireVersion(version: unknown): number {
  if (isVersion(version)) return version;
  throw new PincexError('invalid_argument', `A version is a whole number from 0: got ${describe(version)}`);
}

/** Lists have no version: a reader that must see its own write asks for a fresh one. */
export interface Fresh {
  /** Past the cache and the replica. Default false. */
  readonly fresh?: boolean | undefined;
}
