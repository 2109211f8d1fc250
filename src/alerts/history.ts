/** Samples of counters that only grow, for as long as they are needed. */
export class History<Counters> {
  readonly #keptMs: number;
  #samples: readonly { readonly at: number; readonly counters: Counters }[] = [];

  /** @param keptMs how old the oldest sample may become */
  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  add(at: number, counters: Counters): void {
    this.#samples = [...this.#samples.filter((sample) => at - sample.at <= this.#keptMs), { at, counters }];
  }

  get oldest(): Counters | undefined {
    return this.#samples[0]?.counters;
  }

  /** The newest sample that is at least as old as this, and its age; undefined if all are younger. */
  before(now: number, ageMs: number): { readonly counters: Counters; readonly ageMs: number } | undefined {
    const sample = this.#samples.findLast(({ at }) => now - at >= ageMs);
    return sample && { counters: sample.counters, ageMs: now - sample.at };
  }
}
