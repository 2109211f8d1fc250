import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { namesOf, readOptions } from '../known.ts';
import { copyList, isVersion } from '../reads/readArguments.ts';
import type { Accepts } from '../repository/repository.ts';

/**
 * The version that a reader already knows, from an earlier result. The read returns that version or a newer one, even if the
 * cache or the replica is behind.
 */
export interface MinVersion {
  /** The least version to return; `null` for any. */
  readonly minVersion?: number | null | undefined;
}

/** The versions that a reader already knows, for a batch read. */
export interface MinVersions {
  /** One for each result, in the order of the results; `null` for any version. */
  readonly minVersions?: readonly (number | null)[] | undefined;
}

type Versioned = { readonly version: number } | null;

/** A missing row counts as older than an account that was only opened, which has version 0. */
const MISSING = -1;
const versionOf = (row: Versioned): number => row?.version ?? MISSING;

const ONE = namesOf<MinVersion>({ minVersion: true });
const MANY = namesOf<MinVersions>({ minVersions: true });

/** @param call the name of the public method, for messages */
export function atLeast(call: string, options?: MinVersion): ((row: Versioned) => boolean) | undefined {
  const { minVersion = null } = readOptions(call, options, ONE);
  if (minVersion === null) return undefined;
  requireVersion(minVersion);
  return (row) => versionOf(row) >= minVersion;
}

/**
 * @param call the name of the public method, for messages
 * @param count the number of results; `minVersions` must have as many
 */
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

/** Lists have no version: a reader that must see its own write asks for a fresh read. */
export interface Fresh {
  /** Whether to read the primary, without the cache and the replica. Default false. */
  readonly fresh?: boolean | undefined;
}
