import { LRUCache } from 'lru-cache';
import { limits } from '../../limits.ts';
import type { KeyBounds } from '../../apiKeys/bounds.ts';
import { isInForce, isSecretOf, parseKey, type PresentedKey } from '../../apiKeys/keySecrets.ts';
import { KeyLookup } from './lookup.ts';
import type { Scope } from '../../apiKeys/scopes.ts';
import type { ApiKeys, StoredKey } from '../../apiKeys/store.ts';

/** The API key that sent a request, and its rights. */
export interface Caller {
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Items a second; null if the service's limit holds. */
  readonly rateLimit: number | null;
  /** Users, markets and addresses that the key is bound to. */
  readonly bounds: KeyBounds;
}

/** Why a request has no caller. An unknown, an expired and a revoked key all read `not_valid`, which helps no one who guesses. */
export type Refusal = 'missing' | 'malformed' | 'not_valid';

export type Authentication = { readonly caller: Caller } | { readonly refusal: Refusal };

/** Finds the caller of a request by its `Authorization` header. */
export class Authenticator {
  readonly #store: Pick<ApiKeys, 'find'>;
  /**
   * Look-ups of keys that exist, by id. An entry's lifetime begins before its query, so a revoked key works no longer
   * than an entry lives. Stale entries are kept, so that ids of real keys are told apart from made-up ones.
   */
  readonly #keys = new LRUCache<string, Promise<StoredKey | undefined>>(REMEMBERED);
  /** Look-ups of ids that no key is known to have. Without them each call with a made-up id would be a query. */
  readonly #unknown = new LRUCache<string, Promise<StoredKey | undefined>>(REMEMBERED);
  /** Looks up unknown ids. Known keys are looked up directly, and do not wait behind these. */
  readonly #lookup: KeyLookup;

  constructor(store: Pick<ApiKeys, 'find'>) {
    this.#store = store;
    this.#lookup = new KeyLookup(store);
  }

  /** @param isPage whether the key may come as the password of Basic authentication */
  async authenticate(authorization: string | undefined, isPage = false): Promise<Authentication> {
    if (authorization === undefined) return { refusal: 'missing' };
    const presented = keyOf(authorization, isPage);
    if (presented === null) return { refusal: 'malformed' };
    const stored = await this.#find(presented.id);
    const isProven = isSecretOf(presented.secret, stored?.secretHash);
    // An entry may be fresh although its key has expired since.
    if (stored === undefined || !isProven || !isInForce(stored)) return { refusal: 'not_valid' };
    const { id: keyId, scopes, rateLimit, users, userPrefix, markets, addresses } = stored;
    return { caller: { keyId, scopes, rateLimit, bounds: { users, userPrefix, markets, addresses } } };
  }

  /** Whether the caller's key is still in force, as far as the entry tells. */
  async isStillInForce({ keyId }: Caller): Promise<boolean> {
    const stored = await this.#find(keyId);
    return stored !== undefined && isInForce(stored);
  }

  #find(id: string): Promise<StoredKey | undefined> {
    const isKnown = this.#keys.peek(id, { allowStale: true }) !== undefined;
    const remembered = isKnown ? this.#keys : this.#unknown;
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
        // The key stays known, with a stale entry: the next call looks it up again.
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
  // The same clock as `start` above, also if a test replaces it.
  perf: { now: () => performance.now() },
};

/** The key of `Bearer <key>`, or the password of `Basic <name and password>`; schemes are case-insensitive. */
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
