import { limits } from '../../limits.ts';
import { overloaded } from '../problems/problem.ts';
import { withDeadline } from '../../deadline.ts';
import type { ApiKeys, StoredKey } from '../../apiKeys/store.ts';

type Found = ReadonlyMap<string, StoredKey>;

/**
 * Looks up ids with one query at a time; ids that come meanwhile share the next query. However many made-up ids clients
 * send, the id of a real key waits for two queries at most.
 */
export class KeyLookup {
  readonly #store: Pick<ApiKeys, 'find'>;
  #next: { readonly ids: string[]; readonly found: Promise<Found> } | undefined;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(store: Pick<ApiKeys, 'find'>) {
    this.#store = store;
  }

  /** @throws Problem `overloaded` */
  async find(id: string): Promise<StoredKey | undefined> {
    const { ids, found } = (this.#next ??= this.#ask([]));
    if (ids.length >= limits.apiKeys.remembered) throw overloaded(`${ids.length} keys wait to be looked up`);
    ids.push(id);
    return (await found).get(id);
  }

  #ask(ids: string[]): { ids: string[]; found: Promise<Found> } {
    const found = this.#underWay.then(() => {
      this.#next = undefined;
      const finding = this.#store.find(ids);
      // The next query does not wait longer for this one, whose connection may be dead.
      const latest = performance.now() + limits.apiKeys.lookupMs;
      this.#underWay = withDeadline(latest, finding, () => new Error('late')).catch(() => undefined);
      return finding;
    });
    return { ids, found };
  }
}
