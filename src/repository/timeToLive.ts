/** The freshness of a value when it is stored. */
export interface Freshness {
  /** Nothing of it can change any more, such as a filled order. */
  readonly isFinal: boolean;
  /** When it last changed, in milliseconds since 1970; null where there is no such row. */
  readonly changedAt: number | null;
}

/** How many times its configured time something lives that no longer changes. */
const FINAL_TIMES = 20;
/** A row that is missing now is likely to be made soon, and one that just changed, to change again. */
const SHORTEST_MS = 1_000;
/** Entries that are written together expire spread over this share of their time. */
const JITTER = 0.2;

/**
 * How long a value stays in the cache. A final value lives long; another one as long as it has not changed so far, at most
 * as configured; a missing one, a second. Coherence does not depend on it: it is the bound for
 * changes that no one published, and keeps what changes all the time from being stored in vain.
 *
 * @param configuredMs of the kind; with `fixed`, for all values
 * @param random from 0 to 1
 * @returns milliseconds
 */
export function timeToLive(
  configuredMs: number,
  policy: 'adaptive' | 'fixed',
  { isFinal, changedAt }: Freshness,
  now: number,
  random: number,
): number {
  const spread = 1 - JITTER * random;
  if (changedAt === null) return Math.min(configuredMs, SHORTEST_MS) * spread;
  if (policy === 'fixed') return configuredMs * spread;
  if (isFinal) return configuredMs * FINAL_TIMES * spread;
  const unchangedMs = Math.max(SHORTEST_MS, now - changedAt);
  return Math.min(configuredMs, unchangedMs) * spread;
}
