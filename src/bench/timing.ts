/** Returns the milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Prepares its input, and returns the milliseconds of its own work. */
export type Candidate = () => Promise<number>;

/**
 * Runs candidates in turn until the time is up, so that other load of the machine affects all of them alike. Every other
 * round is in reverse order, so that no candidate always follows the same one. The first round only warms up.
 *
 * @returns for each candidate its milliseconds, round by round
 */
export async function interleave<Name extends string>(
  candidates: Readonly<Record<Name, Candidate>>,
  budgetMs: number,
  leastRounds = 1,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(candidates) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  const ends = performance.now() + budgetMs;
  for (let round = 0; round <= leastRounds || performance.now() < ends; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const ms = await candidates[name]();
      if (round > 0) measured[name].push(ms);
    }
  }
  return measured;
}

/** The quantile: the value that this share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The ratios of `slow` to `fast` by round: noise affects both in a round. */
export function medianRatio(slow: readonly number[], fast: readonly number[]): number {
  return median(slow.map((ms, round) => ms / (fast[round] ?? NaN)));
}

/** Rounds a measurement to its significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
