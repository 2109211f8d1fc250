import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { Caller } from './authenticate.ts';

/** What a caller has left of its items. */
export interface Quota {
  /** Items a second. */
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until all of them are there again, rounded up. */
  readonly resetSeconds: number;
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

  /** Gives back what was taken in this window. */
  async giveBack(caller: Caller, items: number): Promise<void> {
    await this.#inTurn(caller, async (limiter) => {
      if (await openWindow(limiter, caller.keyId)) await limiter.reward(caller.keyId, items);
    });
  }

  /** The library takes from a call that it refuses too. So it is asked first, and calls take turns to ask and take. */
  async #inTurn<Result>(
    { rateLimit }: Caller,
    work: (limiter: RateLimiterMemory) => Promise<Result>,
  ): Promise<Result | null> {
    const limit = rateLimit ?? this.#itemsPerSecond;
    if (limit === null) return null;
    const working = this.#turn.then(() => work(this.#limiter(limit)));
    this.#turn = working.catch(() => undefined);
    return working;
  }

  #limiter(limit: number): RateLimiterMemory {
    const limiter = this.#limiters.get(limit) ?? new RateLimiterMemory({ points: limit, duration: 1 });
    this.#limiters.set(limit, limiter);
    return limiter;
  }
}

async function take(limiter: RateLimiterMemory, keyId: string, items: number): Promise<Taking> {
  const limit = limiter.points;
  const { remainingPoints: remaining, msBeforeNext } = (await openWindow(limiter, keyId)) ?? {
    remainingPoints: limit,
    msBeforeNext: 0,
  };
  if (items > remaining) {
    return { outcome: items > limit ? 'never' : 'later', quota: quotaOf(limit, remaining, msBeforeNext) };
  }
  const taken = await limiter.consume(keyId, items);
  return { outcome: 'taken', quota: quotaOf(limit, taken.remainingPoints, taken.msBeforeNext) };
}

/** Where the key has taken nothing for a second there is none. */
async function openWindow(limiter: RateLimiterMemory, keyId: string): Promise<RateLimiterRes | undefined> {
  const window = await limiter.get(keyId);
  return window !== null && window.msBeforeNext > 0 ? window : undefined;
}

function quotaOf(limit: number, remaining: number, ms: number): Quota {
  return { limit, remaining, resetSeconds: Math.ceil(ms / 1_000) };
}

/** The fields of draft-ietf-httpapi-ratelimit-headers, from its version 08 on. */
export function rateLimitHeaders({ limit, remaining, resetSeconds }: Quota): Record<string, string> {
  return {
    'RateLimit-Policy': `"items";q=${limit};w=1`,
    RateLimit: `"items";r=${remaining};t=${resetSeconds}`,
  };
}
