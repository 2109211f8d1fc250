import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { MOST_SECONDS } from '../deadline.ts';
import type { Caller } from './authenticate.ts';

/** What a caller has left of its items. */
export interface Quota {
  /** Items a second. */
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until all of them are there again, rounded up. */
  readonly resetSeconds: number;
  /** Whether it has cost more than it had: until that is paid, none are left. */
  readonly hasDebt: boolean;
}

/** `taken`, or nothing was: `later` there is room for as many, or `never`, since they are more than the limit. */
export interface Taking {
  readonly outcome: 'taken' | 'later' | 'never';
  readonly quota: Quota;
}

/**
 * How many items a second each key may send to this process. Items are counted and not calls: otherwise one batch
 * would pass for one item. Windows are fixed and one second long, from the first item on.
 */
export class ItemLimiter {
  readonly #itemsPerSecond: number | null;
  /** The library knows one limit for each limiter. There are as many as keys have different limits. */
  readonly #limiters = new Map<number, RateLimiterMemory>();
  #turn: Promise<unknown> = Promise.resolve();

  /** @param itemsPerSecond for keys that have no limit of their own; null: as many as they like */
  constructor(itemsPerSecond: number | null) {
    this.#itemsPerSecond = itemsPerSecond;
  }

  /** Takes `items` from what the caller has left, all or none; null where it has no limit. */
  take(caller: Caller, items: number): Promise<Taking | null> {
    return this.#inTurn(caller, (limiter) => take(limiter, caller.keyId, items));
  }

  /** Takes as many of `items` as the caller has left, and says what it has then; null where it has no limit. */
  takeUpTo(caller: Caller, items: number): Promise<Quota | null> {
    return this.#inTurn(caller, async (limiter) => {
      const quota = await left(limiter, caller.keyId);
      return quota.hasDebt
        ? quota
        : (await take(limiter, caller.keyId, Math.min(items, quota.remaining))).quota;
    });
  }

  /**
   * Takes what a call turned out to cost once it was done, be it more than the caller has left: what is owed is paid at as many
   * items a second as it may send, and until then it may send none. Says what it has then; null where it has no limit.
   */
  charge(caller: Caller, items: number): Promise<Quota | null> {
    return this.#inTurn(caller, (limiter) => charge(limiter, caller.keyId, items));
  }

  /** The library takes from a call that it refuses too. So it is asked first, and calls take turns to ask and take. */
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

  /** What the caller has left; null where it has no limit. */
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
  // A window that is longer by the time in which the rest is paid. One more than all are consumed, which no taking does.
  const window = await limiter.get(keyId);
  const ms = window === null || window.msBeforeNext <= 0 ? 1_000 : window.msBeforeNext;
  const seconds = Math.min(ms / 1_000 + (items - remaining) / limiter.points, MOST_SECONDS);
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
