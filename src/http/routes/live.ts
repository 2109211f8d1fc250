import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { limits } from '../../limits.ts';
import { LiveFeed } from '../../live/feed.ts';
import type { LivePage } from '../../live/page.ts';
import type { Pincex } from '../../pincex.ts';
import type { App } from '../app.ts';
import type { Connections } from '../connection/connections.ts';
import { SharedBudget } from '../load/sharedBudget.ts';
import { onceClosed } from '../onceClosed.ts';
import { overloaded, Problem, quoted } from '../problems/problem.ts';
import { strict } from '../schemas/common.ts';
import { liveEvent } from '../schemas/live.ts';
import { events } from '../schemas/responses.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would hold back what it has not filled a buffer with.
  'x-accel-buffering': 'no',
};

export interface LiveRouteOptions {
  readonly version: string;
  readonly connections: Pick<Connections, 'endOnceAnswered'>;
}

/** The stream of the live page. It holds no place in the gate: all pages share one picture, which is made once. */
export function liveRoute(app: App, pincex: Pincex, { version, connections }: LiveRouteOptions): void {
  const onError = (error: unknown): void => {
    app.log.error({ err: error }, 'a picture of the live page could not be made');
  };
  const feed = new LiveFeed(pincex, { version, onError });
  const budget = new SharedBudget({ most: limits.live.pages });
  const open = new Map<LivePage, FastifyReply>();
  app.addHook('onListen', (done) => {
    feed.start();
    done();
  });
  app.addHook('preClose', (done) => {
    feed.close();
    for (const [page, reply] of open) endSoon(page, reply, connections);
    done();
  });

  app.get(
    '/v1/live',
    {
      config: {
        scope: 'read',
        ofAll: ['users', 'markets'],
        argument: { parameter: 'process' },
        namesOne: true,
      },
      schema: {
        operationId: 'getLive',
        tags: ['Monitoring'],
        summary: 'The figures of the service, as they change',
        description:
          'Server-sent events without an end: `history` first, then a `picture` every two seconds, and `closing` before the service ends. A reader that is behind skips pictures.',
        querystring: strict({
          process: Type.Optional(
            Type.String({
              description: 'The id of a process, for its figures alone. Default: all processes',
            }),
          ),
        }),
        response: events(liveEvent),
      },
    },
    async (request, reply) => {
      // The default handler of HEAD would read the stream, which has no end.
      if (request.method === 'HEAD') return reply.headers(HEADERS).send();
      const { keyId } = request.caller;
      if (!budget.hasRoom(keyId)) throw tooManyPages(budget.usedBy(keyId));
      const { process = null } = request.query;
      const opening = feed.open(process);
      const release = budget.use(keyId);
      request.releaseCall();
      onceClosed(reply.raw, () => {
        release();
        // The call itself is answered with the error, if there is one.
        opening.then((page) => page?.destroy()).catch(() => undefined);
      });
      const page = await opening;
      if (page === undefined) throw noSuchProcess(process);
      open.set(page, reply);
      const stopChecks = checkKey(request, page);
      page.once('close', () => {
        open.delete(page);
        stopChecks();
      });
      return reply.headers(HEADERS).send(page);
    },
  );
}

/** Breaks the stream off once the key was revoked or has expired. The next call with it is told why. */
function checkKey(request: FastifyRequest, page: LivePage): () => void {
  const timer = setInterval(() => {
    request.confirmKey().catch((error: unknown) => {
      // While keys cannot be looked up, none can be revoked either.
      if (error instanceof Problem && error.code === 'unauthorized') page.destroy();
    });
  }, limits.live.keyCheckMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

/** Ends the connection of a page behind its last event, or cuts it if its reader does not take that. */
function endSoon(page: LivePage, { raw }: FastifyReply, connections: LiveRouteOptions['connections']): void {
  const { socket } = raw;
  if (socket !== null) connections.endOnceAnswered(socket);
  setTimeout(() => {
    page.destroy();
    raw.destroy();
  }, limits.live.lastMs).unref();
}

const tooManyPages = (ofKey: number): Problem =>
  overloaded(
    ofKey >= limits.live.pages / 2
      ? `${ofKey} live pages are open with this key, as many as may be`
      : 'as many live pages are open as may be',
  );

const noSuchProcess = (process: string | null): Problem =>
  new Problem('not_found', `No process that runs has the id ${quoted(process ?? '')}`);
