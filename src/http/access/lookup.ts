import { limits } from '../../limits.ts';
import { overloaded } from '../admission.ts';
import { withDeadline } from '../../deadline.ts';
import type { ApiKeys, StoredKey } from '../../apiKeys/store.ts';

type Found = ReadonlyMap<string, StoredKey>;

/**
 * Looks for ids by one query at a time: all that come meanwhile share the next one. So no number of ids that somebody
 * made up keeps one that is there waiting for longer than two queries.
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
      // Nobody waits for longer: one connection that is dead must not be what all the others wait for.
      const latest = performance.now() + limits.apiKeys.lookupMs;
      this.#underWay = withDeadline(latest, finding, () => new Error('late')).catch(() => undefined);
      return finding;
    });
    return { ids, found };
  }
}
