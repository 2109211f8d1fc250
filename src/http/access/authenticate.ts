import { LRUCache } from 'lru-cache';
import { limits } from '../../limits.ts';
import type { KeyBounds } from '../../apiKeys/bounds.ts';
import { isInForce, isSecretOf, parseKey, type PresentedKey } from '../../apiKeys/keySecrets.ts';
import { KeyLookup } from './lookup.ts';
import type { Scope } from '../../apiKeys/scopes.ts';
import type { ApiKeys, StoredKey } from '../../apiKeys/store.ts';

/** Who sent a request. */
export interface Caller {
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Items a second, or null where the limit of the service holds. */
  readonly rateLimit: number | null;
  /** What it may touch, and where from. */
  readonly bounds: KeyBounds;
}

/** Why a request has no caller. Who guesses learns no more of a key than that it is not valid. */
export type Refusal = 'missing' | 'malformed' | 'not_valid';

export type Authentication = { readonly caller: Caller } | { readonly refusal: Refusal };

/** Tells who sent a request, from its `Authorization` header. */
export class Authenticator {
  readonly #store: Pick<ApiKeys, 'find'>;
  /**
   * What was asked of the table, by id. Its time runs from the asking on, so a key that was revoked works for as long
   * as an entry lives and no longer. What is over stays, to tell keys that are there from ids that somebody made up.
   */
  readonly #keys = new LRUCache<string, Promise<StoredKey | undefined>>(REMEMBERED);
  /** Ids that no key has, or were not looked for yet: else each call under them would be a query. */
  readonly #strangers = new LRUCache<string, Promise<StoredKey | undefined>>(REMEMBERED);
  /** Of strangers. Keys that are there do not wait behind them. */
  readonly #lookup: KeyLookup;

  constructor(store: Pick<ApiKeys, 'find'>) {
    this.#store = store;
    this.#lookup = new KeyLookup(store);
  }

  /** @param isPage whether the key may come as browsers send passwords */
  async authenticate(authorization: string | undefined, isPage = false): Promise<Authentication> {
    if (authorization === undefined) return { refusal: 'missing' };
    const presented = keyOf(authorization, isPage);
    if (presented === null) return { refusal: 'malformed' };
    const stored = await this.#find(presented.id);
    const isProven = isSecretOf(presented.secret, stored?.secretHash);
    // Whatever is remembered: an expiry is known beforehand.
    if (stored === undefined || !isProven || !isInForce(stored)) return { refusal: 'not_valid' };
    const { id: keyId, scopes, rateLimit, users, userPrefix, markets, addresses } = stored;
    return { caller: { keyId, scopes, rateLimit, bounds: { users, userPrefix, markets, addresses } } };
  }

  /** Whether the key of a caller has not ended since, as far as is remembered of it. */
  async isStillInForce({ keyId }: Caller): Promise<boolean> {
    const stored = await this.#find(keyId);
    return stored !== undefined && isInForce(stored);
  }

  #find(id: string): Promise<StoredKey | undefined> {
    const isKnown = this.#keys.peek(id, { allowStale: true }) !== undefined;
    const remembered = isKnown ? this.#keys : this.#strangers;
    const found = remembered.get(id);
    if (found !== undefined) return found;
    const start = performance.now();
    const finding = isKnown ? this.#store.find([id]).then((keys) => keys.get(id)) : this.#lookup.find(id);
    remembered.set(id, finding, { start });
    finding.then(
      (key) => {
        if (key !== undefined) this.#keys.set(id, finding, { start });
      },
      () => {
        if (remembered.peek(id) !== finding) return;
        // A key that is there stays known as one, to be looked for again at once.
        if (isKnown) remembered.set(id, finding, { start: start - limits.apiKeys.rememberedMs - 1 });
        else remembered.delete(id);
      },
    );
    return finding;
  }
}

const REMEMBERED = {
  max: limits.apiKeys.remembered,
  ttl: limits.apiKeys.rememberedMs,
  // The clock of the starts above, also where a test has put another one there.
  perf: { now: () => performance.now() },
};

/** The key of `Bearer <key>`, or the password of `Basic <name and password>`; a scheme may be in any case. */
function keyOf(authorization: string, isPage: boolean): PresentedKey | null {
  const [, scheme, credentials = ''] = /^(bearer|basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme?.toLowerCase() !== 'basic') return parseKey(credentials);
  return isPage
    ? parseKey(
        Buffer.from(credentials, 'base64')
          .toString()
          .replace(/^[^:]*:/, ''),
      )
    : null;
}
