import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { MOST_TIMER_SECONDS } from '../../deadline.ts';
import type { Caller } from './authenticate.ts';

/** The items that a caller has left. */
export interface Quota {
  /** Items a second. */
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the whole limit is available again, rounded up. */
  readonly resetSeconds: number;
  /** Whether calls have cost more than the caller had; until that is paid off, `remaining` is 0. */
  readonly hasDebt: boolean;
}

/**
 * - `taken`: all items were taken.
 * - `later`: none was taken; as many will be left later.
 * - `never`: none was taken, since there are more than the limit.
 */
export interface Taking {
  readonly outcome: 'taken' | 'later' | 'never';
  readonly quota: Quota;
}

/**
 * Limits the items a second that each key may send to this process. Items are counted, not calls: a batch would otherwise
 * cost as much as one item. Windows are fixed; one lasts a second from its first item.
 */
export class ItemLimiter {
  readonly #itemsPerSecond: number | null;
  /** By limit: a limiter of the library has one limit for all its keys. */
  readonly #limiters = new Map<number, RateLimiterMemory>();
  #turn: Promise<unknown> = Promise.resolve();

  /** @param itemsPerSecond for keys that have no limit of their own; null: no limit */
  constructor(itemsPerSecond: number | null) {
    this.#itemsPerSecond = itemsPerSecond;
  }

  /** Takes all `items` from the caller's quota, or none; returns null if it has no limit. */
  take(caller: Caller, items: number): Promise<Taking | null> {
    return this.#inTurn(caller, (limiter) => take(limiter, caller.keyId, items));
  }

  /** Takes as many of `items` as the caller has left; returns its quota then, null if it has no limit. */
  takeUpTo(caller: Caller, items: number): Promise<Quota | null> {
    return this.#inTurn(caller, async (limiter) => {
      const quota = await left(limiter, caller.keyId);
      return quota.hasDebt
        ? quota
        : (await take(limiter, caller.keyId, Math.min(items, quota.remaining))).quota;
    });
  }

  /**
   * Takes the cost of a call that is known only once it is done, also if the caller has less left. It then owes items, which
   * it pays off at its rate, and may send none until then. Returns its quota then, null if it has no limit.
   */
  charge(caller: Caller, items: number): Promise<Quota | null> {
    return this.#inTurn(caller, (limiter) => charge(limiter, caller.keyId, items));
  }

  /** The library also charges refused calls. Each call therefore first asks what is left, then takes; one call at a time. */
  async #inTurn<Result>(
    caller: Caller,
    work: (limiter: RateLimiterMemory) => Promise<Result>,
  ): Promise<Result | null> {
    const limiter = this.#limiterOf(caller);
    if (limiter === null) return null;
    const working = this.#turn.then(() => work(limiter));
    this.#turn = working.catch(() => undefined);
    return working;
  }

  /** The caller's quota; null if it has no limit. */
  async left(caller: Caller): Promise<Quota | null> {
    const limiter = this.#limiterOf(caller);
    return limiter === null ? null : left(limiter, caller.keyId);
  }

  #limiterOf({ rateLimit }: Caller): RateLimiterMemory | null {
    const limit = rateLimit ?? this.#itemsPerSecond;
    if (limit === null) return null;
    const limiter = this.#limiters.get(limit) ?? new RateLimiterMemory({ points: limit, duration: 1 });
    this.#limiters.set(limit, limiter);
    return limiter;
  }
}

async function take(limiter: RateLimiterMemory, keyId: string, items: number): Promise<Taking> {
  const quota = await left(limiter, keyId);
  if (items > quota.remaining) return { outcome: items > quota.limit ? 'never' : 'later', quota };
  return { outcome: 'taken', quota: quotaOf(limiter, await limiter.consume(keyId, items)) };
}

async function charge(limiter: RateLimiterMemory, keyId: string, items: number): Promise<Quota> {
  const { remaining } = await left(limiter, keyId);
  if (items <= remaining) return quotaOf(limiter, await limiter.consume(keyId, items));
  // The window is extended by the time that paying off the rest takes. `points + 1`, which no taking reaches, marks the debt.
  const window = await limiter.get(keyId);
  const ms = window === null || window.msBeforeNext <= 0 ? 1_000 : window.msBeforeNext;
  const seconds = Math.min(ms / 1_000 + (items - remaining) / limiter.points, MOST_TIMER_SECONDS);
  return quotaOf(limiter, await limiter.set(keyId, limiter.points + 1, seconds));
}

async function left(limiter: RateLimiterMemory, keyId: string): Promise<Quota> {
  return quotaOf(limiter, await limiter.get(keyId));
}

function quotaOf({ points: limit }: RateLimiterMemory, window: RateLimiterRes | null): Quota {
  if (window === null || window.msBeforeNext <= 0)
    return { limit, remaining: limit, resetSeconds: 0, hasDebt: false };
  const { consumedPoints, msBeforeNext } = window;
  return {
    limit,
    remaining: Math.max(0, limit - consumedPoints),
    resetSeconds: Math.ceil(msBeforeNext / 1_000),
    hasDebt: consumedPoints > limit,
  };
}

/** The fields of draft-ietf-httpapi-ratelimit-headers, from its version 08 on. */
export function rateLimitHeaders({ limit, remaining, resetSeconds }: Quota): Record<string, string> {
  return {
    'RateLimit-Policy': `"items";q=${limit};w=1`,
    RateLimit: `"items";r=${remaining};t=${resetSeconds}`,
  };
}
