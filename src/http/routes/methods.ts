import { METHODS } from 'node:http';
import type { FastifyContextConfig, HTTPMethods, RouteOptions } from 'fastify';
import type { App } from '../app.ts';
import { Problem } from '../problems/problem.ts';

/**
 * Answers every path also for methods that it does not take: 405 with `Allow`, and 204 with `Allow` to `OPTIONS`. Both need
 * a key if the path does. Call it before the routes are added.
 *
 * @returns adds these answers; call it behind the last route
 */
export function collectPaths(app: App): () => void {
  const paths = new Map<string, FastifyContextConfig>();
  let isCollecting = true;
  app.addHook('onRoute', ({ url, config = {} }: RouteOptions) => {
    if (isCollecting) paths.set(url, config);
  });
  return () => {
    isCollecting = false;
    const known = new Set<string>(app.supportedMethods);
    // CONNECT opens a tunnel: it names a host, not a path.
    for (const method of METHODS) if (!known.has(method) && method !== 'CONNECT') app.addHttpMethod(method);
    for (const [url, config] of paths) refuseOthers(app, url, config);
  };
}

function refuseOthers(
  app: App,
  url: string,
  { public: isPublic, scope, isPage }: FastifyContextConfig,
): void {
  const methods = app.supportedMethods as HTTPMethods[];
  const taken = methods.filter((method) => app.hasRoute({ url, method }));
  const allow = [...taken, 'OPTIONS'].sort().join(', ');
  app.route({
    method: methods.filter((method) => !taken.includes(method)),
    url,
    exposeHeadRoute: false,
    config: {
      ...(isPublic && { public: isPublic }),
      ...(scope !== undefined && { scope }),
      ...(isPage && { isPage }),
    },
    schema: { hide: true },
    // In onRequest, so that the body is not read.
    onRequest: async (request, reply) => {
      if (request.method === 'OPTIONS') return reply.status(204).header('allow', allow).send();
      const detail = `This path takes ${allow}: got ${request.method}`;
      throw new Problem('method_not_allowed', detail, { headers: { allow } });
    },
    handler: () => undefined,
  });
}
