import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { limits } from '../../limits.ts';
import { notStarted, overloaded } from '../admission.ts';
import { withDeadline } from '../../deadline.ts';
import { Authenticator, type Caller } from './authenticate.ts';
import { isFrom, isUnbound } from '../../apiKeys/bounds.ts';
import { isDirect } from './direct.ts';
import { forbidden, needsUnbound, notFromHere, rateLimited, unauthorized } from './errors.ts';
import { ItemLimiter, rateLimitHeaders, type Quota } from './rateLimit.ts';
import { allows, type Scope } from '../../apiKeys/scopes.ts';
import type { ApiKeys } from '../../apiKeys/store.ts';
import { requireWithin } from './within.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it. Requests of public routes have none, and reading it there throws. */
    readonly caller: Caller;
    /** Of the caller; null where there is none. */
    keyId: string | null;
    /**
     * Looks again whether the key of the caller has ended: a call may have taken its time since it came.
     *
     * @throws Problem `unauthorized`
     */
    readonly confirmKey: () => Promise<void>;
    /** What its key has left of its items; null where it has no limit. */
    readonly quota: () => Promise<Quota | null>;
    /** What it costs, in items, as far as that is known. */
    cost: number;
    /** Takes what so many more rows cost that it found, beyond the items that it has taken by then. */
    chargeRows: (rows: number) => Promise<void>;
    /** The same for bytes of an answer that is told again, or is the same for everybody. */
    chargeBytes: (bytes: number) => Promise<void>;
  }

  interface FastifyContextConfig {
    /** What a key has to be good for, all of it where there are several. Every route has this or `public`. */
    readonly scope?: Scope | readonly Scope[];
    /** It answers for all of these: keys that are bound to some of them are refused. */
    readonly ofAll?: readonly ('users' | 'markets')[];
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
    const gate: Gate = {
      authenticator: new Authenticator(keys),
      limiter: new ItemLimiter(itemsPerSecond),
      callers: new WeakMap(),
      uncounted: new WeakSet(),
    };
    decorateRequests(app, gate);
    app.addHook('onRoute', requireAccess);
    requireKeys(app, gate);
    countItems(app, gate);
    requireBounds(app, gate);
    chargeRefusals(app, gate);
    done();
  },
  // Fastify gives a plugin a scope of its own unless it bears this; the hooks are for all routes.
  { [Symbol.for('skip-override')]: true },
);

/** What the hooks share. */
interface Gate {
  readonly authenticator: Authenticator;
  readonly limiter: ItemLimiter;
  readonly callers: WeakMap<FastifyRequest, Caller>;
  /** Requests whose items are yet to be taken. */
  readonly uncounted: WeakSet<FastifyRequest>;
}

function decorateRequests(app: FastifyInstance, { authenticator, limiter, callers }: Gate): void {
  app.decorateRequest('keyId', null);
  app.decorateRequest('caller', {
    getter(this: FastifyRequest) {
      const caller = callers.get(this);
      if (caller === undefined) throw new Error(`${this.method} ${this.url} has no caller: it is public`);
      return caller;
    },
  });

  app.decorateRequest('confirmKey', async function (this: FastifyRequest): Promise<void> {
    const isInForce = await inTime(this, authenticator.isStillInForce(this.caller));
    if (!isInForce) throw unauthorized('not_valid', false);
  });

  app.decorateRequest('quota', function (this: FastifyRequest) {
    return limiter.left(this.caller);
  });
  app.decorateRequest('cost', 0);
  app.decorateRequest('chargeRows', () => Promise.resolve());
  app.decorateRequest('chargeBytes', () => Promise.resolve());
}

function requireKeys(app: FastifyInstance, { authenticator, limiter, callers, uncounted }: Gate): void {
  // Before the body is read: who has no key cannot even send one.
  app.addHook('onRequest', async (request) => {
    const {
      public: isPublic,
      scope,
      isPage = false,
      openHere = false,
      ofAll = [],
    } = request.routeOptions.config;
    if (isPublic || (openHere && isDirect(request))) return;
    const authentication = await inTime(
      request,
      authenticator.authenticate(request.headers.authorization, isPage),
    );
    if ('refusal' in authentication) throw unauthorized(authentication.refusal, isPage);
    const { caller } = authentication;
    callers.set(request, caller);
    request.keyId = caller.keyId;
    uncounted.add(request);
    request.cost = 1;
    const { bounds } = caller;
    if (bounds.addresses !== null && !isFrom(bounds.addresses, request.ip)) throw notFromHere(request.ip);
    if (scope === undefined && !request.is404)
      throw new Error(`${request.method} ${request.url} was there before its guard`);
    const needed = [scope ?? []].flat();
    if (!needed.every((one) => allows(caller, one))) throw forbidden(caller, needed);
    if (!ofAll.every((one) => isUnbound[one](bounds))) throw needsUnbound(ofAll);
    // Its body need not be read where the key has not as much left.
    const cost = costOf(toldBytes(request));
    const quota = await limiter.left(caller);
    if (quota === null || cost <= quota.remaining) return;
    throw rateLimited(cost > quota.limit ? 'never' : 'later', quota, cost);
  });
}

function countItems(app: FastifyInstance, { limiter, uncounted }: Gate): void {
  // From here on the body is read, whatever comes of it. The length of one that comes in chunks is known only then.
  app.addHook('preParsing', (request, _reply, _payload, next) => {
    request.cost = costOf(toldBytes(request));
    next();
  });

  // Behind validation: the items have to be there to be counted.
  app.addHook('preHandler', async (request, reply) => {
    if (!uncounted.has(request)) return;
    const body = request.body as Readonly<Record<string, readonly unknown[]>>;
    const { lists = [] } = request.routeOptions.config;
    const items = lists.reduce((product, list) => product * (body[list]?.length ?? 0), 1);
    const cost = Math.max(items, costOf(request.rawBody.length));
    const taking = await limiter.take(request.caller, cost);
    if (taking !== null) {
      const { outcome, quota } = taking;
      reply.headers(rateLimitHeaders(quota));
      if (outcome !== 'taken') throw rateLimited(outcome, quota, cost);
    }
    uncounted.delete(request);
    request.cost = cost;
    let found = 0;
    const charge = async (more: number): Promise<void> => {
      found += more;
      const items = Math.ceil(found) - request.cost;
      if (items <= 0) return;
      request.cost += items;
      const quota = await limiter.charge(request.caller, items);
      if (quota !== null) reply.headers(rateLimitHeaders(quota));
    };
    request.chargeRows = (rows) => charge(rows / limits.http.rowsOfItem);
    request.chargeBytes = (bytes) => charge(bytes / limits.http.bytesOfItem);
  });
}

function requireBounds(app: FastifyInstance, { callers }: Gate): void {
  // Behind the counting of its items, which took looking at each.
  app.addHook('preHandler', (request, _reply, done) => {
    const { isWrite = false } = request.routeOptions.config;
    if (callers.has(request) && !request.is404) requireWithin(request.caller, request.body, isWrite);
    done();
  });
}

function chargeRefusals(app: FastifyInstance, { limiter, uncounted }: Gate): void {
  // What is refused has been looked at, and its body read: else a key that may send little could have any number refused.
  app.addHook('onError', async (request, reply) => {
    if (!uncounted.has(request)) return;
    request.cost = Math.max(request.cost, costOf(request.bodyBytes));
    // A call that was refused before its body was read adds nothing to a debt: its key would never get out of it.
    const charging =
      request.cost > 1
        ? limiter.charge(request.caller, request.cost)
        : limiter.takeUpTo(request.caller, request.cost);
    const quota = await charging;
    if (quota !== null) reply.headers(rateLimitHeaders(quota));
  });
}

const toldBytes = ({ headers }: FastifyRequest): number => Number(headers['content-length'] ?? 0);

/** What a body costs to read, in items. A call without one, and an empty batch, is a call all the same. */
const costOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / limits.http.bytesOfItem));

/** Whoever waits here is counted by nobody, so it cannot be for long. */
function inTime<Found>({ deadline }: FastifyRequest, looking: Promise<Found>): Promise<Found> {
  const latest = performance.now() + limits.apiKeys.lookupMs;
  const tooLong = () => overloaded(`the key was looked up for ${limits.apiKeys.lookupMs} ms`);
  return withDeadline(Math.min(deadline, latest), looking, deadline < latest ? notStarted : tooLong);
}

function requireAccess({ method, url, config }: RouteOptions): void {
  if ((config?.scope === undefined) !== (config?.public === undefined)) return;
  throw new Error(`${String(method)} ${url} has to state config.scope or config.public, and not both`);
}
