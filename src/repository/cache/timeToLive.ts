/** The freshness of a value when it is stored. */
export interface Freshness {
  /** Whether it can no longer change, like a filled order. */
  readonly isFinal: boolean;
  /** When it last changed, in milliseconds since 1970; null where there is no such row. */
  readonly changedAt: number | null;
}

/** A final value lives this many times its configured time. */
const FINAL_TIMES = 20;
/** A missing row is likely to be made soon, and a row that just changed is likely to change again. */
const SHORTEST_MS = 1_000;
/** Entries that are written together expire spread over this share of their time. */
const JITTER = 0.2;

/**
 * How long a value stays in the cache. A final value lives long. Another value lives as long as it has been unchanged, at
 * most as configured. A missing one lives for a second. Coherence does not depend on this time: it bounds the staleness of
 * entries whose changes were not published, and keeps rows that change all the time from being stored in vain.
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
