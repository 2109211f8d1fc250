import { maxHeaderSize } from 'node:http';
import Fastify, { LogController, type FastifyServerOptions } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { limits } from '../limits.ts';
import type { Pincex } from '../pincex.ts';
import { Requests } from '../requests/requests.ts';
import { allowOrigins } from './access/origins.ts';
import { access } from './access/plugin.ts';
import type { App } from './app.ts';
import { parseJsonBodies } from './body/json.ts';
import { validateCalls } from './body/validation.ts';
import { logCall, logCalls } from './calls/accessLog.ts';
import { Batches } from './calls/batches.ts';
import { readDeadlines } from './calls/deadline.ts';
import { answerWithProblem, answerWithProblems } from './calls/errorHandler.ts';
import { echoRequestIds, requestIdOf } from './calls/requestId.ts';
import { joinTraces } from './calls/traceContext.ts';
import { answerClientErrors } from './connection/clientErrors.ts';
import { Connections } from './connection/connections.ts';
import { closeGracefully, settleConnection } from './connection/gracefulClose.ts';
import { refuseAmbiguousHeaders } from './connection/headers.ts';
import { cutSlowReaders } from './connection/slowReaders.ts';
import { registerDocument, serveDocument } from './document/openapi.ts';
import { Admission } from './load/admission.ts';
import { CallGate } from './load/callGate.ts';
import { limitInFlight } from './load/inFlight.ts';
import { RecentCallers } from './load/recentCallers.ts';
import { delayRefusals } from './load/refusalDelay.ts';
import { SharedBudget } from './load/sharedBudget.ts';
import { servePage } from './page/page.ts';
import { alertRoutes } from './routes/alerts.ts';
import { marketsRoute } from './routes/markets.ts';
import { collectPaths } from './routes/methods.ts';
import { lookupRoutes } from './routes/lookups.ts';
import { databaseRoute } from './routes/database.ts';
import { liveRoute } from './routes/live.ts';
import { metricsRoute } from './routes/metrics.ts';
import { outcomeRoutes } from './routes/outcomes.ts';
import { readRoutes } from './routes/reads.ts';
import { serviceRoutes, type Readiness, type ServiceLimits } from './routes/service.ts';
import { streamRoutes } from './routes/streams.ts';
import { writeRoutes } from './routes/writes.ts';
import { strict } from './schemas/common.ts';

export interface ServerOptions extends ServiceLimits {
  readonly version: string;
  readonly readiness: Readiness;
  /** Whether only this machine can reach the service: its document then needs no key. */
  readonly isLocal: boolean;
  readonly itemsPerSecond: number | null;
  readonly idempotencyRetentionMs: number;
  readonly idempotencyRoom: number;
  readonly logger?: FastifyServerOptions['loggerInstance'];
  /** Origins of pages that may call the service from browsers. */
  readonly corsOrigins?: readonly string[];
  /** Whether each call is logged. */
  readonly accessLog?: boolean;
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  readonly patience?: Patience;
}

/** Milliseconds that a client may take; after that its connection is cut. */
export interface Patience {
  /** To send a whole request, and to take another piece of an answer. */
  readonly requestMs: number;
  readonly headersMs: number;
  /** To send the next request. */
  readonly idleMs: number;
  /** Interval in which connections are checked. */
  readonly checkMs: number;
}

const PATIENCE: Patience = { requestMs: 30_000, headersMs: 10_000, idleMs: 65_000, checkMs: 1_000 };

/** Builds the service, which does not listen yet. */
export async function buildServer(pincex: Pincex, options: ServerOptions): Promise<App> {
  const { version, isLocal } = options;
  const connections = new Connections();
  const app = createApp(options, connections, (code) => {
    pincex.diagnostics.tell('refusal', () => ({ code }));
  });
  connections.watch(app.server);
  const load = loadOf(options);
  const requests = keepRequests(app, pincex, options);

  parseJsonBodies(app, load.gate);
  validateCalls(app);
  // The engine makes results, and tests hold them against their schemas: serializing by schema would check them again.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));

  const answerOtherMethods = collectPaths(app);
  await registerDocument(app, version, isLocal);
  refuseParameters(app);
  await addHooks(app, pincex, { options, connections, load, requests });
  await serveDocument(app);
  servePage(app);
  addRoutes(app, pincex, { options, connections, load, requests });
  answerOtherMethods();
  return app;
}

function createApp(
  { logger, accessLog = false, tls, bodyLimit, patience = PATIENCE }: ServerOptions,
  connections: Connections,
  onRefusal: (code: string) => void,
): App {
  const settings: FastifyServerOptions = {
    ...(logger && { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    bodyLimit,
    // As long as all headers together: a path that is too long then gets to authentication, like every unknown path.
    routerOptions: { maxParamLength: maxHeaderSize },
    requestTimeout: patience.requestMs,
    keepAliveTimeout: patience.idleMs,
    // While closing, calls are refused with a problem: see closeGracefully.
    return503OnClosing: false,
    // Errors before a route is found, such as an undecodable path, run no hook and no error handler.
    frameworkErrors(error, request, reply) {
      settleConnection(connections, request, reply);
      if (accessLog) logCall(request, reply);
      reply.header('request-id', request.id);
      void answerWithProblem(error, request, reply);
    },
    clientErrorHandler: answerClientErrors(connections, onRefusal),
  };
  const serverOptions = {
    connectionsCheckingInterval: patience.checkMs,
    headersTimeout: patience.headersMs,
    requireHostHeader: false,
  };
  const app: App = Fastify({
    ...settings,
    ...(tls ? { https: { ...tls, ...serverOptions } } : { http: serverOptions }),
  } as FastifyServerOptions).withTypeProvider<TypeBoxTypeProvider>();
  answerWithProblems(app, onRefusal);
  return app;
}

/** Budgets and queues of the service. */
interface Load {
  readonly callers: RecentCallers;
  readonly gate: CallGate;
  /** Characters of answers that clients have not taken yet. */
  readonly answers: SharedBudget;
}

function loadOf({ maxConcurrent, maxWaiting, queueTimeoutMs }: ServerOptions): Load {
  const callers = new RecentCallers();
  const admission = new Admission({ maxConcurrent, maxWaiting, queueTimeoutMs, callers });
  const answers = new SharedBudget({ most: limits.http.untakenAnswers });
  return { callers, gate: new CallGate(admission, answers), answers };
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
      const whose = caller === null ? 'all stored answers' : `the stored answers of key ${caller}`;
      app.log.warn(
        { keyId: caller, bytes, most },
        `${whose} come close to the limit of service.idempotency_room`,
      );
    },
    onError(error) {
      app.log.error({ err: error }, 'the record of a request could not be written');
    },
  });
}

/** Parts that hooks and routes share. */
interface ServerParts {
  readonly options: ServerOptions;
  readonly connections: Connections;
  readonly load: Load;
  readonly requests: Requests;
}

/**
 * Registers the hooks. Fastify runs the hooks of each phase in the order of their registration, so this order is the way of
 * every call:
 *
 * onRequest, before the body is read; the cheapest refusals come first:
 *  1. logCalls               refused calls are logged too
 *  2. echoRequestIds         every answer has its request id
 *  3. joinTraces             everything that follows belongs to the trace of the client
 *  4. allowOrigins           preflights of browsers are answered without a key
 *  5. closeGracefully        refuses calls while the server closes
 *  6. refuseAmbiguousHeaders
 *  7. readDeadlines          before anything that waits
 *  8. access                 key, address, scopes; refuses if the key has too few items left for the declared length
 *  9. gate                   tells the admission which key calls
 * 10. limitInFlight          reserves the call's place in memory; calls without a key are not counted
 *
 * preParsing: access          notes the cost of the declared length
 * parsing:    parseJsonBodies reads the body, enters the gate, then parses: from here on the call has its place
 * validation: validateCalls
 * preHandler: access          takes the items from the key's quota, then checks the users and markets that they name
 * handler:    the route       runs in the gate: CallGate.run
 *
 * onError, for refused and failed calls:
 *  1. access                  charges the cost of a refused call
 *  2. gate                    leaves the place of a call that did not run
 *  3. delayRefusals           last, so that a delayed refusal keeps no place
 *
 * onSend, before the answer is sent:
 *  1. closeGracefully         decides whether the connection ends behind the answer
 *  2. cutSlowReaders          watches how fast the client takes the answer
 *  3. gate                    leaves the place of a call that did not run
 *  4. limitInFlight           counts the answer until it is taken; routes of the page then add its security headers
 *
 * onClose hooks run in reverse: requests are written down once the last call has ended.
 */
async function addHooks(
  app: App,
  pincex: Pincex,
  { options, connections, load, requests }: ServerParts,
): Promise<void> {
  const { accessLog = false, corsOrigins = [], itemsPerSecond, patience = PATIENCE } = options;
  const { bodyLimit, maxConcurrent, maxWaiting } = options;
  app.addHook('onClose', () => requests.stop());
  if (accessLog) logCalls(app);
  echoRequestIds(app);
  joinTraces(app, pincex.diagnostics);
  allowOrigins(app, corsOrigins);
  closeGracefully(app, connections, load.gate, patience.requestMs);
  cutSlowReaders(app, patience.requestMs);
  refuseAmbiguousHeaders(app);
  readDeadlines(app);
  await app.register(access, { keys: pincex.apiKeys, itemsPerSecond });
  load.gate.addHooks(app);
  delayRefusals(app);
  limitInFlight(app, {
    // Twice the calls that can run, wait or stream, since one key may use half of a budget.
    calls: new SharedBudget({ most: 2 * (maxConcurrent + maxWaiting + maxConcurrent) }),
    bodies: new SharedBudget({ most: Math.max(limits.http.bodiesInFlight, 2 * bodyLimit) }),
    answers: load.answers,
  });
}

function addRoutes(app: App, pincex: Pincex, { options, connections, load, requests }: ServerParts): void {
  const { readiness, version, isLocal, bodyLimit, maxConcurrent, maxWaiting, queueTimeoutMs } = options;
  const { callers, gate } = load;
  const batches = new Batches(pincex, gate, requests);
  writeRoutes(app, batches);
  outcomeRoutes(app, batches);
  readRoutes(app, pincex, gate);
  lookupRoutes(app, pincex, gate);
  // A stream lasts for as long as its client reads, so streams have an admission of their own.
  const mostOfKey = Math.ceil(maxConcurrent / 2);
  streamRoutes(app, pincex, {
    streams: new Admission({
      maxConcurrent,
      maxWaiting: 0,
      queueTimeoutMs,
      mostOfKey,
      mostBesideOthers: mostOfKey,
    }),
    pieces: new Admission({
      maxConcurrent,
      maxWaiting: 2 * maxConcurrent,
      queueTimeoutMs: Infinity,
      callers,
    }),
    connections,
  });
  metricsRoute(app, { pincex, gate }, isLocal);
  alertRoutes(app, pincex, gate);
  liveRoute(app, pincex, { version, connections });
  databaseRoute(app, pincex, gate);
  marketsRoute(app, pincex, gate);
  serviceRoutes(app, pincex, readiness, { bodyLimit, maxConcurrent, maxWaiting, queueTimeoutMs });
}

/** Refuses query parameters that a route does not declare, such as `?mode=atomic`, which belongs into the body. */
function refuseParameters(app: App): void {
  const querystring = strict({});
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/v1/')) route.schema = { querystring, ...route.schema };
  });
}
