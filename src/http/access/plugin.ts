import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { limits } from '../../limits.ts';
import { notStarted, overloaded } from '../admission.ts';
import { withDeadline } from '../deadline.ts';
import { Authenticator, type Authentication, type Caller } from './authenticate.ts';
import { isDirect } from './direct.ts';
import { forbidden, rateLimited, unauthorized } from './errors.ts';
import { ItemLimiter, rateLimitHeaders } from './rateLimit.ts';
import { allows, type Scope } from './scopes.ts';
import type { ApiKeys } from './store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it. Requests of public routes have none, and reading it there throws. */
    readonly caller: Caller;
    /** Of the caller; null where there is none. */
    keyId: string | null;
  }

  interface FastifyContextConfig {
    /** What a key has to be good for, all of it where there are several. Every route has this or `public`. */
    readonly scope?: Scope | readonly Scope[];
    /** Open to everybody. */
    readonly public?: true;
    /** Open to programs of this machine, which come to it without a proxy. */
    readonly openHere?: true;
    /** Opened in browsers, which ask their users for a name and a password: there the key is the password. */
    readonly isPage?: true;
    /** The lists of the body that make its items: of several, each with each. Default: a request is one item. */
    readonly lists?: readonly [string, ...string[]];
  }
}

export interface AccessOptions {
  readonly keys: Pick<ApiKeys, 'find'>;
  /** Of keys that have no limit of their own; null: as many as they like. */
  readonly itemsPerSecond: number | null;
}

/**
 * Nobody gets past it without a key that is good for the route, and no more items than the key may send.
 *
 * Register it before the routes, and behind what reads deadlines. Paths that do not exist need a key too, so that nobody
 * can look for those that do.
 */
export const access = Object.assign(
  (app: FastifyInstance, { keys, itemsPerSecond }: AccessOptions, done: () => void): void => {
    const authenticator = new Authenticator(keys);
    const limiter = new ItemLimiter(itemsPerSecond);
    const callers = new WeakMap<FastifyRequest, Caller>();
    /** Of requests whose items are yet to be taken. */
    const uncounted = new WeakSet<FastifyRequest>();

    app.decorateRequest('keyId', null);
    app.decorateRequest('caller', {
      getter(this: FastifyRequest) {
        const caller = callers.get(this);
        if (caller === undefined) throw new Error(`${this.method} ${this.url} has no caller: it is public`);
        return caller;
      },
    });

    app.addHook('onRoute', requireAccess);

    // Before the body is read: who has no key cannot even send one.
    app.addHook('onRequest', async (request) => {
      const { public: isPublic, scope, isPage = false, openHere = false } = request.routeOptions.config;
      if (isPublic || (openHere && isDirect(request))) return;
      const authentication = await inTime(
        request,
        authenticator.authenticate(request.headers.authorization, isPage),
      );
      if ('refusal' in authentication) throw unauthorized(authentication.refusal, isPage);
      const { caller } = authentication;
      callers.set(request, caller);
      request.keyId = caller.keyId;
      if (scope === undefined && !request.is404)
        throw new Error(`${request.method} ${request.url} was there before its guard`);
      const needed = [scope ?? []].flat();
      if (!needed.every((one) => allows(caller, one))) throw forbidden(caller, needed);
      uncounted.add(request);
      // Its body need not be looked at where it has none left.
      const quota = await limiter.left(caller);
      if (quota?.remaining === 0) throw rateLimited('later', quota, 1);
    });

    // Behind validation: the items have to be there to be counted.
    app.addHook('preHandler', async (request, reply) => {
      if (!uncounted.has(request)) return;
      const body = request.body as Readonly<Record<string, readonly unknown[]>>;
      const { lists = [] } = request.routeOptions.config;
      const count = lists.reduce((product, list) => product * (body[list]?.length ?? 0), 1);
      // An empty batch is still a call.
      const items = Math.max(1, count);
      const taking = await limiter.take(request.caller, items);
      if (taking === null) return;
      const { outcome, quota } = taking;
      reply.headers(rateLimitHeaders(quota));
      if (outcome !== 'taken') throw rateLimited(outcome, quota, items);
      uncounted.delete(request);
    });

    // What is refused has been looked at, and is an item: else a key that may send little could have any number refused.
    app.addHook('onError', async (request, reply) => {
      const taking = uncounted.has(request) ? await limiter.take(request.caller, 1) : null;
      if (taking !== null) reply.headers(rateLimitHeaders(taking.quota));
    });

    done();
  },
  // Fastify gives a plugin a scope of its own unless it bears this; the hooks are for all routes.
  { [Symbol.for('skip-override')]: true },
);

/** Whoever waits here is counted by nobody, so it cannot be for long. */
function inTime(
  { deadline }: FastifyRequest,
  authentication: Promise<Authentication>,
): Promise<Authentication> {
  const latest = performance.now() + limits.apiKeyLookupMs;
  const tooLong = () => overloaded(`the key was looked up for ${limits.apiKeyLookupMs} ms`);
  return withDeadline(Math.min(deadline, latest), authentication, deadline < latest ? notStarted : tooLong);
}

function requireAccess({ method, url, config }: RouteOptions): void {
  if ((config?.scope === undefined) !== (config?.public === undefined)) return;
  throw new Error(`${String(method)} ${url} has to state config.scope or config.public, and not both`);
}
