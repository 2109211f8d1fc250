import Fastify, { type FastifyServerOptions } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Pincex } from '../pincex.ts';
import { Admission } from './admission.ts';
import type { App } from './app.ts';
import { Batches } from './batches.ts';
import { readJson } from './json.ts';
import { describe } from './openapi.ts';
import { answerWithProblems } from './problems.ts';
import { readRoutes } from './routes/reads.ts';
import { serviceRoutes, type Readiness, type ServiceLimits } from './routes/service.ts';
import { streamRoutes } from './routes/streams.ts';
import { writeRoutes } from './routes/writes.ts';

export interface ServerOptions extends ServiceLimits {
  readonly version: string;
  readonly readiness: Readiness;
  /** Only this machine can reach it: then its documentation needs no key. */
  readonly isLocal: boolean;
  readonly itemsPerSecond: number | null;
  readonly idempotencyRetentionMs: number;
  readonly logger?: FastifyServerOptions['loggerInstance'];
  readonly tls?: { readonly cert: string; readonly key: string } | null;
}

/** How long a client may take to send a request, its headers, and the next one: beyond it the connection is cut. */
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;
const IDLE_MS = 65_000;

/** Puts the service together; nothing listens yet. */
export async function buildServer(pincex: Pincex, options: ServerOptions): Promise<App> {
  const { version, readiness, isLocal, logger, tls, bodyBytes, concurrentCalls, queuedCalls, queueMs } =
    options;
  const app: App = Fastify({
    ...(logger && { loggerInstance: logger }),
    ...(tls && { https: tls }),
    bodyLimit: bodyBytes,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    http: { headersTimeout: HEADERS_MS },
    // What does not fit its schema is refused, not bent until it does.
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, discriminator: true },
    },
  } as FastifyServerOptions).withTypeProvider<TypeBoxTypeProvider>() as unknown as App;
  readJson(app);
  answerWithProblems(app);
  // Results are made by the engine, and tests hold them against their schemas: they need not be checked again.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  await describe(app, version, isLocal);

  const admission = new Admission({ concurrent: concurrentCalls, queue: queuedCalls, waitMs: queueMs });
  writeRoutes(app, pincex, new Batches(admission));
  readRoutes(app, pincex);
  streamRoutes(app, pincex);
  serviceRoutes(app, pincex, readiness, { bodyBytes, concurrentCalls, queuedCalls, queueMs });
  return app;
}
