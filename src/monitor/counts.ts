import { limits } from '../limits.ts';

/** The name under which everything beyond a bound is counted. */
export const OTHER = 'other';

/** Counts by code, for a bounded number of codes. Further codes count as `other`. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(code: string, count: number): void {
    const isKnown = this.#counts.has(code) || this.#counts.size < limits.monitor.codes;
    const key = isKnown ? code : OTHER;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  [Symbol.iterator](): IterableIterator<[string, number]> {
    return this.#counts.entries();
  }
}
