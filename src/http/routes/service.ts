import Type from 'typebox';
import { PincexError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Pincex } from '../../pincex.ts';
import type { App } from '../app.ts';
import { withDeadline } from '../../deadline.ts';
import { draining } from '../problems/problem.ts';
import { strict } from '../schemas/common.ts';
import { answers } from '../schemas/responses.ts';

export interface Readiness {
  /** Whether the service has been told to stop. */
  readonly isDraining: boolean;
}

/** Bounds of the service that clients are told. */
export interface ServiceLimits {
  readonly bodyLimit: number;
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
  readonly queueTimeoutMs: number;
}

export function serviceRoutes(app: App, pincex: Pincex, readiness: Readiness, bounds: ServiceLimits): void {
  health(app);
  ready(app, pincex, readiness);
  callLimits(app, bounds);
}

function health(app: App): void {
  app.get(
    '/healthz',
    {
      config: { public: true },
      schema: {
        operationId: 'getHealth',
        tags: ['Service'],
        summary: 'The process is alive',
        response: answers(strict({ status: Type.Literal('ok') })),
      },
    },
    () => ({ status: 'ok' as const }),
  );
}

function ready(app: App, pincex: Pincex, readiness: Readiness): void {
  const ping = onceASecond(() => {
    const latest = performance.now() + limits.http.readinessMs;
    const message = `The database did not answer within ${limits.http.readinessMs} ms`;
    return withDeadline(latest, pincex.ping(), () => new PincexError('database_unavailable', message));
  });

  app.get(
    '/readyz',
    {
      config: { public: true },
      schema: {
        operationId: 'getReadiness',
        tags: ['Service'],
        summary: 'Calls can be sent',
        response: answers(strict({ status: Type.Literal('ok') })),
      },
    },
    async () => {
      if (readiness.isDraining) throw draining();
      await ping();
      return { status: 'ok' as const };
    },
  );
}

function callLimits(app: App, bounds: ServiceLimits): void {
  const number = Type.Integer();
  app.get(
    '/v1/limits',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getLimits',
        tags: ['Service'],
        summary: 'Limits of one call',
        response: answers(
          strict({
            batchItems: number,
            readRows: number,
            bodyValues: number,
            idLength: number,
            ordersPerUser: number,
            bookDepth: number,
            bodyLimit: number,
            maxConcurrent: number,
            maxWaiting: number,
            queueTimeoutMs: number,
          }),
        ),
      },
    },
    () => ({
      batchItems: limits.batches.items,
      readRows: limits.http.readRows,
      bodyValues: limits.http.bodyValues,
      idLength: limits.books.idLength,
      ordersPerUser: limits.reads.ordersPerUser.most,
      bookDepth: limits.reads.bookDepth.most,
      ...bounds,
    }),
  );
}

/** Calls `ask` at most once a second, since the route needs no key. */
function onceASecond(ask: () => Promise<void>): () => Promise<void> {
  let answer = Promise.resolve();
  let since = -Infinity;
  return () => {
    if (performance.now() - since < 1_000) return answer;
    since = performance.now();
    answer = ask();
    return answer;
  };
}
