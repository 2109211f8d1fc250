/** Picks a number from 0 to `count` - 1. */
export type Draw = () => number;
export type Distribution = 'uniform' | 'zipf';

/** Pseudo-random numbers from 0 to 1, the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform, or Zipf: the n-th is picked 1/n times as often as the first, as on an exchange where few users trade most. */
export function drawFrom(count: number, distribution: Distribution, seed: number): Draw {
  const random = seededRandom(seed);
  return distribution === 'uniform' ? () => Math.floor(random() * count) : zipf(count, random);
}

function zipf(count: number, random: () => number): Draw {
  const cumulated = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank++) cumulated[rank] = total += 1 / (rank + 1);
  return () => {
    const wanted = random() * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? total) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
