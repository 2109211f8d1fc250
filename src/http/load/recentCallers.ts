/** Milliseconds after its last call in which a key still counts as calling. */
const RECENT_MS = 500;

interface LastCall {
  readonly keyId: string;
  readonly at: number;
}

/** Knows which API keys call at the same time: the work of one key then has to leave room for the others. */
export class RecentCallers {
  /** Number of calls in flight of each key. */
  readonly #inFlight = new Map<string, number>();
  #latest: LastCall | undefined;
  /** Latest call of a key other than that of `#latest`. */
  #latestOfOthers: LastCall | undefined;

  /** Notes that the key has just called. */
  note(keyId: string): void {
    if (this.#latest !== undefined && this.#latest.keyId !== keyId) this.#latestOfOthers = this.#latest;
    this.#latest = { keyId, at: performance.now() };
  }

  /** @returns ends the call; call it once */
  begin(keyId: string): () => void {
    this.note(keyId);
    this.#count(keyId, 1);
    return () => {
      this.note(keyId);
      this.#count(keyId, -1);
    };
  }

  /**
   * Whether another key has a call in flight, or had one in the last {@link RECENT_MS}.
   *
   * @param since by `performance.now()`. Default: now
   */
  hasOther(keyId: string, since = performance.now()): boolean {
    if (this.#inFlight.size > (this.#inFlight.has(keyId) ? 1 : 0)) return true;
    const other = this.#latest?.keyId === keyId ? this.#latestOfOthers : this.#latest;
    return other !== undefined && since - other.at < RECENT_MS;
  }

  #count(keyId: string, calls: number): void {
    const inFlight = (this.#inFlight.get(keyId) ?? 0) + calls;
    if (inFlight === 0) this.#inFlight.delete(keyId);
    else this.#inFlight.set(keyId, inFlight);
  }
}
