import { maxHeaderSize } from 'node:http';
import Fastify, { LogController, type FastifyServerOptions } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { limits } from '../limits.ts';
import type { Pincex } from '../pincex.ts';
import { access } from './access/plugin.ts';
import { logCall, logCalls } from './accessLog.ts';
import { Admission } from './admission.ts';
import type { App } from './app.ts';
import { Batches } from './batches.ts';
import { closeCleanly, settleConnection, type Closing } from './closing.ts';
import { readJson } from './json.ts';
import { readDeadlines } from './deadline.ts';
import { boundCallsInHand } from './inHand.ts';
import { notePaths } from './methods.ts';
import { beginAtDocument, describe, serveDocument } from './openapi.ts';
import { allowOrigins } from './origins.ts';
import { answerWithProblem, answerWithProblems } from './problems.ts';
import { requestIdOf, tellRequestIds } from './requestId.ts';
import { outcomeRoutes } from './routes/outcomes.ts';
import { readRoutes } from './routes/reads.ts';
import { serviceRoutes, type Readiness, type ServiceLimits } from './routes/service.ts';
import { streamRoutes } from './routes/streams.ts';
import { writeRoutes } from './routes/writes.ts';
import { RecentCallers } from './recentCallers.ts';
import { holdRefusals } from './refusals.ts';
import { Requests } from '../requests/requests.ts';
import { strict } from './schemas/common.ts';
import { Shares } from './shares.ts';
import { cutSlowReaders } from './slowReaders.ts';
import { Turns } from './turns.ts';
import { answerForNode, answerUnreadable, noteUnanswered } from './unreadable.ts';
import { validateCalls } from './validation.ts';

export interface ServerOptions extends ServiceLimits {
  readonly version: string;
  readonly readiness: Readiness;
  /** Only this machine can reach it: then its documentation needs no key. */
  readonly isLocal: boolean;
  readonly itemsPerSecond: number | null;
  readonly idempotencyRetentionMs: number;
  readonly idempotencyRoom: number;
  readonly logger?: FastifyServerOptions['loggerInstance'];
  /** Of pages that may call it from browsers. */
  readonly corsOrigins?: readonly string[];
  /** Whether each call is a line of the log. */
  readonly accessLog?: boolean;
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  readonly patience?: Patience;
}

/** How long a client may take: beyond it the connection is cut. */
export interface Patience {
  /** To send a request whole, and to take another piece of an answer. */
  readonly requestMs: number;
  readonly headersMs: number;
  /** To send the next one. */
  readonly idleMs: number;
  /** How often it is looked who took too long. */
  readonly checkMs: number;
}

const PATIENCE: Patience = { requestMs: 30_000, headersMs: 10_000, idleMs: 65_000, checkMs: 1_000 };

/** Puts the service together; nothing listens yet. */
export async function buildServer(pincex: Pincex, options: ServerOptions): Promise<App> {
  const { version, isLocal, itemsPerSecond, corsOrigins = [], accessLog = false } = options;
  const { patience = PATIENCE, bodyLimit, maxConcurrent, maxWaiting, queueTimeoutMs } = options;
  const closing: Closing = { isUnderWay: false };
  const onRefusal = (code: string): void => {
    pincex.diagnostics.tell('refusal', () => ({ code }));
  };
  const app = createApp(options, patience, closing, onRefusal);
  const callers = new RecentCallers();
  const admission = new Admission({ maxConcurrent, maxWaiting, queueTimeoutMs, callers });
  const answers = new Shares({ most: limits.http.untakenAnswers });
  const turns = new Turns(admission, answers);
  readJson(app, turns);
  answerWithProblems(app, onRefusal);
  if (accessLog) logCalls(app);
  tellRequestIds(app);
  allowOrigins(app, corsOrigins);
  const requests = keepRequests(app, pincex, options);
  // What is added first is run last: behind what waits for the calls under way.
  app.addHook('onClose', () => requests.stop());
  closeCleanly(app, closing, turns, patience.requestMs);
  validateCalls(app);
  // Results are made by the engine, and tests hold them against their schemas: they need not be checked again.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  const refuseOtherMethods = notePaths(app);
  await describe(app, version, isLocal);
  cutSlowReaders(app, patience.requestMs);
  noteUnanswered(app);
  answerForNode(app);
  refuseParameters(app);
  readDeadlines(app);
  await app.register(access, { keys: pincex.apiKeys, itemsPerSecond });
  // A key alone may have as many as may work and wait, and streams, which are counted by themselves.
  turns.follow(app);
  holdRefusals(app);
  boundCallsInHand(app, {
    calls: new Shares({ most: 2 * (maxConcurrent + maxWaiting + maxConcurrent) }),
    bodies: new Shares({ most: Math.max(limits.http.bodiesInHand, 2 * bodyLimit) }),
    answers,
  });
  await serveDocument(app);
  beginAtDocument(app);
  addRoutes(app, pincex, { options, closing, callers, turns, requests });
  refuseOtherMethods();
  return app;
}

function createApp(
  { logger, accessLog = false, tls, bodyLimit }: ServerOptions,
  patience: Patience,
  closing: Closing,
  onRefusal: (code: string) => void,
): App {
  const settings: FastifyServerOptions = {
    ...(logger && { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    bodyLimit,
    // As long as headers may be together: a path that is too long needs a key first, like all that do not exist.
    routerOptions: { maxParamLength: maxHeaderSize },
    requestTimeout: patience.requestMs,
    keepAliveTimeout: patience.idleMs,
    // What comes too late is refused as a problem, like all else.
    return503OnClosing: false,
    // What fails before there is a route, or a request at all, never comes to the handler of errors.
    frameworkErrors(error, request, reply) {
      settleConnection(closing, request, reply);
      if (accessLog) logCall(request, reply);
      reply.header('request-id', request.id);
      void answerWithProblem(error, request, reply);
    },
    clientErrorHandler: answerUnreadable(onRefusal),
  };
  const connections = {
    connectionsCheckingInterval: patience.checkMs,
    headersTimeout: patience.headersMs,
    requireHostHeader: false,
  };
  return Fastify({
    ...settings,
    ...(tls ? { https: { ...tls, ...connections } } : { http: connections }),
  } as FastifyServerOptions).withTypeProvider<TypeBoxTypeProvider>();
}

function keepRequests(
  app: App,
  pincex: Pincex,
  { idempotencyRetentionMs, idempotencyRoom }: ServerOptions,
): Requests {
  return new Requests(pincex, {
    retentionMs: idempotencyRetentionMs,
    room: idempotencyRoom,
    onScarce({ caller, bytes, most }) {
      const whose =
        caller === null ? 'the answers that are kept' : `the answers that are kept for key ${caller}`;
      app.log.warn(
        { keyId: caller, bytes, most },
        `${whose} come close to what service.idempotency_room grants`,
      );
    },
    onError(error) {
      app.log.error({ err: error }, 'what is kept of a request could not be written');
    },
  });
}

/** What routes share. */
interface Parts {
  readonly options: ServerOptions;
  readonly closing: Closing;
  readonly callers: RecentCallers;
  readonly turns: Turns;
  readonly requests: Requests;
}

function addRoutes(app: App, pincex: Pincex, { options, closing, callers, turns, requests }: Parts): void {
  const { readiness, bodyLimit, maxConcurrent, maxWaiting, queueTimeoutMs } = options;
  const batches = new Batches(pincex, turns, requests);
  writeRoutes(app, batches);
  outcomeRoutes(app, batches);
  readRoutes(app, pincex, turns);
  // A stream goes on for as long as its client reads: it must not take the places of calls.
  streamRoutes(app, pincex, {
    streams: new Admission({
      maxConcurrent,
      maxWaiting: 0,
      queueTimeoutMs,
      mostOfKey: Math.ceil(maxConcurrent / 2),
      mostBesideOthers: Math.ceil(maxConcurrent / 2),
    }),
    closing,
    pieces: new Admission({
      maxConcurrent,
      maxWaiting: 2 * maxConcurrent,
      queueTimeoutMs: Infinity,
      callers,
    }),
  });
  serviceRoutes(app, pincex, readiness, { bodyLimit, maxConcurrent, maxWaiting, queueTimeoutMs });
}

/** A parameter that a call does not know would be passed over: `?mode=atomic`, which belongs into the body. */
function refuseParameters(app: App): void {
  const querystring = strict({});
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/v1/')) route.schema = { querystring, ...route.schema };
  });
}
