import { METHODS } from 'node:http';
import type { FastifyContextConfig, HTTPMethods, RouteOptions } from 'fastify';
import type { App } from './app.ts';
import { Problem } from './problem.ts';

/**
 * Notes which paths there are. Register it before the routes.
 *
 * @returns what is to be called behind them: whoever calls a path in another way is then told in which ways it may be
 *   called, 405 with `Allow`, and `OPTIONS` tells the same to who asks for it. Like the path itself that needs its key
 */
export function notePaths(app: App): () => void {
  const paths = new Map<string, FastifyContextConfig>();
  let isNoting = true;
  app.addHook('onRoute', ({ url, config = {} }: RouteOptions) => {
    if (isNoting) paths.set(url, config);
  });
  return () => {
    isNoting = false;
    const known = new Set<string>(app.supportedMethods);
    // One that opens a tunnel is no request of a path.
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
    // Before its body is read.
    onRequest: async (request, reply) => {
      if (request.method === 'OPTIONS') return reply.status(204).header('allow', allow).send();
      const detail = `This path takes ${allow}: got ${request.method}`;
      throw new Problem('method_not_allowed', detail, { headers: { allow } });
    },
    handler: () => undefined,
  });
}
