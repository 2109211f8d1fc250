import type { FastifyInstance } from 'fastify';
import { LRUCache } from 'lru-cache';
import { limits } from '../../limits.ts';
import { Problem } from '../problems/problem.ts';
import type { ProblemCode } from '../problems/codes.ts';

/** Milliseconds of the delay, which is the least `Retry-After` of these refusals. */
const DELAY_MS = 1_000;
/** Refusals of all keys that are delayed at the same time. Each keeps a connection open. */
const MOST_DELAYED = 1_000;
/** Milliseconds after a refusal in which the next one of the same key is delayed. */
const AGAIN_MS = 500;

/** Refusals whose answer says when to call again. */
const DELAYED: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['overloaded', 'rate_limited']);

/**
 * Delays refusals of a key that was refused just before. A client that ignores `Retry-After` would otherwise keep the
 * process busy with refusing it. Until the refusal is sent, the rest of its body is left unread.
 */
export function delayRefusals(app: FastifyInstance): void {
  const refused = new LRUCache<string, true>({
    max: limits.apiKeys.remembered,
    ttl: AGAIN_MS,
    perf: { now: () => performance.now() },
  });
  let delayed = 0;
  app.addHook('onError', ({ keyId }, _reply, error, done) => {
    if (keyId === null || !(error instanceof Problem) || !DELAYED.has(error.code)) {
      done();
      return;
    }
    const isAgain = refused.has(keyId);
    refused.set(keyId, true);
    if (!isAgain || delayed >= MOST_DELAYED) {
      done();
      return;
    }
    delayed++;
    setTimeout(() => {
      delayed--;
      done();
    }, DELAY_MS);
  });
}
