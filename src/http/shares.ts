/** How much of something all API keys may have together, and one of them. */
export interface SharesOptions {
  readonly most: number;
  /** Of one key. Default: half of all. */
  readonly mostOfKey?: number;
}

/**
 * Something that API keys share. A quarter of it is kept for keys that have nothing of it, so that no number of calls of the
 * others keeps a key out.
 */
export class Shares {
  readonly #most: number;
  readonly #mostOfKey: number;
  /** What keys that have something may have together. */
  readonly #mostOfBusy: number;
  readonly #ofKey = new Map<string, number>();
  #taken = 0;

  constructor({ most, mostOfKey = most / 2 }: SharesOptions) {
    this.#most = most;
    this.#mostOfKey = mostOfKey;
    this.#mostOfBusy = most - Math.floor(most / 4);
  }

  get taken(): number {
    return this.#taken;
  }

  /** What the key has. */
  of(keyId: string): number {
    return this.#ofKey.get(keyId) ?? 0;
  }

  /** Whether the key may take so much more. One that has nothing may take more than its share where that much is there. */
  hasRoom(keyId: string, amount = 1): boolean {
    const ofKey = this.#ofKey.get(keyId);
    if (ofKey === undefined) return this.#taken + amount <= this.#most;
    return ofKey + amount <= this.#mostOfKey && this.#taken + amount <= this.#mostOfBusy;
  }

  /** @returns what gives it back: to be called once */
  take(keyId: string, amount = 1): () => void {
    this.#add(keyId, amount);
    return () => {
      this.#add(keyId, -amount);
    };
  }

  #add(keyId: string, amount: number): void {
    const ofKey = (this.#ofKey.get(keyId) ?? 0) + amount;
    this.#taken += amount;
    if (ofKey === 0) this.#ofKey.delete(keyId);
    else this.#ofKey.set(keyId, ofKey);
  }
}
