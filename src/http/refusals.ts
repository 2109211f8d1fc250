import type { FastifyInstance } from 'fastify';
import { LRUCache } from 'lru-cache';
import { limits } from '../limits.ts';
import { Problem } from './problem.ts';
import type { ProblemCode } from './problemCodes.ts';

/** Milliseconds: what each of these refusals says to wait at least. */
const HELD_MS = 1_000;
/** Refusals of all keys that are held at the same time: each has a connection open. */
const MOST_HELD = 1_000;
/** A key that was refused so many milliseconds ago is told its next refusal later. */
const AGAIN_MS = 500;

/** Too much was asked, and the answer says when to ask again. */
const HELD: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['overloaded', 'rate_limited']);

/**
 * Holds refusals back from keys that were refused just before: a client that sends again at once, as often as it can,
 * would keep the process busy with refusing it. What has not come of its body is left unread for as long.
 */
export function holdRefusals(app: FastifyInstance): void {
  const refused = new LRUCache<string, true>({
    max: limits.apiKeys.remembered,
    ttl: AGAIN_MS,
    perf: { now: () => performance.now() },
  });
  let held = 0;
  app.addHook('onError', ({ keyId }, _reply, error, done) => {
    if (keyId === null || !(error instanceof Problem) || !HELD.has(error.code)) {
      done();
      return;
    }
    const isAgain = refused.has(keyId);
    refused.set(keyId, true);
    if (!isAgain || held >= MOST_HELD) {
      done();
      return;
    }
    held++;
    setTimeout(() => {
      held--;
      done();
    }, HELD_MS);
  });
}
