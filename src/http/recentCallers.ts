/** Milliseconds after its last call for which a key still counts as one that calls. */
const RECENT_MS = 500;

interface Seen {
  readonly keyId: string;
  readonly at: number;
}

/** Tells whether other API keys call at the same time: the work of a key then has to leave room for them. */
export class RecentCallers {
  /** How many calls of each key are under way. */
  readonly #underWay = new Map<string, number>();
  #latest: Seen | undefined;
  /** The latest call of any key but that one. */
  #latestOfOthers: Seen | undefined;

  /** Notes that the key has just called. */
  note(keyId: string): void {
    if (this.#latest !== undefined && this.#latest.keyId !== keyId) this.#latestOfOthers = this.#latest;
    this.#latest = { keyId, at: performance.now() };
  }

  /** @returns what ends the call: to be called once */
  begin(keyId: string): () => void {
    this.note(keyId);
    this.#count(keyId, 1);
    return () => {
      this.note(keyId);
      this.#count(keyId, -1);
    };
  }

  /**
   * Whether a key other than this one has a call under way, or had one just before.
   *
   * @param since by `performance.now()`. Default: now
   */
  hasOther(keyId: string, since = performance.now()): boolean {
    if (this.#underWay.size > (this.#underWay.has(keyId) ? 1 : 0)) return true;
    const other = this.#latest?.keyId === keyId ? this.#latestOfOthers : this.#latest;
    return other !== undefined && since - other.at < RECENT_MS;
  }

  #count(keyId: string, calls: number): void {
    const underWay = (this.#underWay.get(keyId) ?? 0) + calls;
    if (underWay === 0) this.#underWay.delete(keyId);
    else this.#underWay.set(keyId, underWay);
  }
}
