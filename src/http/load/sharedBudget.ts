export interface BudgetOptions {
  /** For all API keys together. */
  readonly most: number;
  /** For one key. Default: half of `most`. */
  readonly mostOfKey?: number;
}

/**
 * A budget that API keys share: places, bytes, calls. A quarter of it is reserved for keys that use nothing of it yet, so
 * that busy keys, however many calls they send, never keep another key out.
 */
export class SharedBudget {
  readonly #most: number;
  readonly #mostOfKey: number;
  /** For all keys together that already use some. */
  readonly #mostOfBusy: number;
  readonly #byKey = new Map<string, number>();
  #used = 0;

  constructor({ most, mostOfKey = most / 2 }: BudgetOptions) {
    this.#most = most;
    this.#mostOfKey = mostOfKey;
    this.#mostOfBusy = most - Math.floor(most / 4);
  }

  get used(): number {
    return this.#used;
  }

  usedBy(keyId: string): number {
    return this.#byKey.get(keyId) ?? 0;
  }

  /** Whether the key may use `amount` more. A key that uses nothing yet may take more than its share, if that much is free. */
  hasRoom(keyId: string, amount = 1): boolean {
    const byKey = this.#byKey.get(keyId);
    if (byKey === undefined) return this.#used + amount <= this.#most;
    return byKey + amount <= this.#mostOfKey && this.#used + amount <= this.#mostOfBusy;
  }

  /** @returns gives `amount` back; call it once */
  use(keyId: string, amount = 1): () => void {
    this.#add(keyId, amount);
    return () => {
      this.#add(keyId, -amount);
    };
  }

  #add(keyId: string, amount: number): void {
    const byKey = (this.#byKey.get(keyId) ?? 0) + amount;
    this.#used += amount;
    if (byKey === 0) this.#byKey.delete(keyId);
    else this.#byKey.set(keyId, byKey);
  }
}
