import type { FastifyInstance, FastifyRequest } from 'fastify';
import { onceClosed } from '../onceClosed.ts';
import { overloaded } from '../problems/problem.ts';
import type { SharedBudget } from './sharedBudget.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Reserves more bytes for the body, until the call has ended; returns false if its key may have no more. */
    reserveBytes: (bytes: number) => boolean;
    /** Releases all reserved bytes, because the body is not kept. */
    releaseBytes: () => void;
    /** Gives back the place of the call, because its answer has a bound of its own. */
    releaseCall: () => void;
  }
}

/** Budgets of calls in flight, shared by the API keys. */
export interface InFlightBudgets {
  /** Calls. */
  readonly calls: SharedBudget;
  /** Bytes of request bodies. */
  readonly bodies: SharedBudget;
  /** Characters of answers that clients have not taken yet. */
  readonly answers: SharedBudget;
}

/**
 * Bounds the memory of calls in flight. A call is in flight from before its body is read until its answer is taken; it
 * enters the gate only once its body is there and leaves it before its answer is taken, so the gate alone does not bound
 * memory.
 *
 * Register it behind authentication: calls without a key must not use up these budgets.
 */
export function limitInFlight(app: FastifyInstance, { calls, bodies, answers }: InFlightBudgets): void {
  const inFlight = new WeakSet<FastifyRequest>();
  app.decorateRequest('reserveBytes', () => true);
  app.decorateRequest('releaseBytes', () => undefined);
  app.decorateRequest('releaseCall', () => undefined);

  app.addHook('onRequest', (request, { raw }, done) => {
    if (request.keyId === null) {
      done();
      return;
    }
    const { keyId } = request.caller;
    if (!calls.hasRoom(keyId)) {
      done(overloaded('as many calls are in flight as may be'));
      return;
    }
    inFlight.add(request);
    let release: (() => void) | undefined = calls.use(keyId);
    request.releaseCall = () => {
      release?.();
      release = undefined;
    };
    const reserved: (() => void)[] = [];
    request.releaseBytes = () => {
      for (const release of reserved.splice(0)) release();
    };
    onceClosed(raw, () => {
      request.releaseCall();
      request.releaseBytes();
    });
    request.reserveBytes = (bytes) => {
      if (!bodies.hasRoom(keyId, bytes)) return false;
      // If the client has hung up, its bytes have been released and nothing would release these.
      if (!raw.destroyed) reserved.push(bodies.use(keyId, bytes));
      return true;
    };
    done();
  });

  app.addHook('onSend', (request, { raw }, payload, done) => {
    if (inFlight.has(request) && typeof payload === 'string')
      onceClosed(raw, answers.use(request.caller.keyId, payload.length));
    done();
  });
}
