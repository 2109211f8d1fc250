import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { limits } from '../../limits.ts';
import { notStarted, overloaded } from '../problems/problem.ts';
import { withDeadline } from '../../deadline.ts';
import { Authenticator, type Caller } from './authenticate.ts';
import { isFrom, isUnbound } from '../../apiKeys/bounds.ts';
import { isDirect } from './direct.ts';
import { forbidden, needsUnbound, notFromHere, rateLimited, unauthorized } from './errors.ts';
import { ItemLimiter, rateLimitHeaders, type Quota } from './rateLimit.ts';
import { allows, type Scope } from '../../apiKeys/scopes.ts';
import type { ApiKeys } from '../../apiKeys/store.ts';
import { requireParametersWithin, requireWithin } from './within.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The API key that sent the request, and its rights. Public routes have no caller: reading it there throws. */
    readonly caller: Caller;
    /** Id of the caller's key; null on public routes. */
    keyId: string | null;
    /**
     * Checks again that the caller's key has not ended: the call may have waited since it came.
     *
     * @throws Problem `unauthorized`
     */
    readonly confirmKey: () => Promise<void>;
    /** Items that the key has left in this second; null if it has no limit. */
    readonly quota: () => Promise<Quota | null>;
    /** Cost of the call in items, as far as it is known. */
    cost: number;
    /** Charges rows that a read found, as far as they cost more than the call has paid by then. */
    chargeRows: (rows: number) => Promise<void>;
    /** The same for bytes of a stored answer, or of one that is the same for every caller. */
    chargeBytes: (bytes: number) => Promise<void>;
  }

  interface FastifyContextConfig {
    /** The scopes that a key needs, all of them. Every route has either this or `public`. */
    readonly scope?: Scope | readonly Scope[];
    /** The route answers for all users, or all markets: keys that are bound to some of them are refused. */
    readonly ofAll?: readonly ('users' | 'markets')[];
    /** A key that is bound to markets has to name one of them in the parameter `symbol`. */
    readonly needsMarket?: true;
    /** The route needs no key. */
    readonly public?: true;
    /** Requests that come directly from this machine need no key: see `isDirect`. */
    readonly openHere?: true;
    /** Browsers open the route: they ask their user for a name and a password, and the key is the password. */
    readonly isPage?: true;
    /** Lists of the body whose product is the number of items. Default: a request is one item. */
    readonly lists?: readonly [string, ...string[]];
  }
}

export interface AccessOptions {
  readonly keys: Pick<ApiKeys, 'find'>;
  /** For keys that have no limit of their own; null: no limit. */
  readonly itemsPerSecond: number | null;
}

/**
 * Authentication, authorization and rate limits: a call passes only with a key that the route accepts, and with no more
 * items than the key may send.
 *
 * Register it before the routes, and behind the hook that reads deadlines. Unknown paths need a key too, so that
 * strangers cannot find out which paths exist.
 */
export const access = Object.assign(
  (app: FastifyInstance, { keys, itemsPerSecond }: AccessOptions, done: () => void): void => {
    const shared: Shared = {
      authenticator: new Authenticator(keys),
      limiter: new ItemLimiter(itemsPerSecond),
      callers: new WeakMap(),
      uncounted: new WeakSet(),
    };
    decorateRequests(app, shared);
    app.addHook('onRoute', requireAccess);
    requireKeys(app, shared);
    countItems(app, shared);
    requireBounds(app, shared);
    chargeRefusals(app, shared);
    done();
  },
  // Without this symbol Fastify would scope the hooks to the plugin; they are for all routes.
  { [Symbol.for('skip-override')]: true },
);

/** State that the hooks share. */
interface Shared {
  readonly authenticator: Authenticator;
  readonly limiter: ItemLimiter;
  readonly callers: WeakMap<FastifyRequest, Caller>;
  /** Requests that have not paid for their items yet. */
  readonly uncounted: WeakSet<FastifyRequest>;
}

function decorateRequests(app: FastifyInstance, { authenticator, limiter, callers }: Shared): void {
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

function requireKeys(app: FastifyInstance, { authenticator, limiter, callers, uncounted }: Shared): void {
  // In onRequest, before the body is read: a client without a key cannot make the service read one.
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
      throw new Error(`${request.method} ${request.url} was registered before the access plugin`);
    const needed = [scope ?? []].flat();
    if (!needed.every((one) => allows(caller, one))) throw forbidden(caller, needed);
    if (!ofAll.every((one) => isUnbound[one](bounds))) throw needsUnbound(ofAll);
    // If the key has fewer items left than the declared length costs, the body is not read.
    const cost = costOf(declaredBytes(request));
    const quota = await limiter.left(caller);
    if (quota === null || cost <= quota.remaining) return;
    throw rateLimited(cost > quota.limit ? 'never' : 'later', quota, cost);
  });
}

function countItems(app: FastifyInstance, { limiter, uncounted }: Shared): void {
  // From here on the body is read. A chunked body declares no length: its cost is known once it is read.
  app.addHook('preParsing', (request, _reply, _payload, next) => {
    request.cost = costOf(declaredBytes(request));
    next();
  });

  // Behind validation, so that the lists are known to be lists.
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

function requireBounds(app: FastifyInstance, { callers }: Shared): void {
  // Behind the payment for the items, since every item is looked at here.
  app.addHook('preHandler', (request, _reply, done) => {
    const { isWrite = false, needsMarket = false } = request.routeOptions.config;
    if (callers.has(request) && !request.is404) {
      const { caller, params, query, body } = request;
      requireParametersWithin(caller, { ...(params as object), ...(query as object) }, needsMarket);
      requireWithin(caller, body, isWrite);
    }
    done();
  });
}

function chargeRefusals(app: FastifyInstance, { limiter, uncounted }: Shared): void {
  // A refused call has cost reading and checking its body: without this, a key with a low limit could have any number of
  // large calls refused for free.
  app.addHook('onError', async (request, reply) => {
    if (!uncounted.has(request)) return;
    request.cost = Math.max(request.cost, costOf(request.bodyBytes));
    // A call that was refused before its body was read adds nothing to a debt: the key would otherwise never pay it off.
    const charging =
      request.cost > 1
        ? limiter.charge(request.caller, request.cost)
        : limiter.takeUpTo(request.caller, request.cost);
    const quota = await charging;
    if (quota !== null) reply.headers(rateLimitHeaders(quota));
  });
}

const declaredBytes = ({ headers }: FastifyRequest): number => Number(headers['content-length'] ?? 0);

/** Cost of reading a body, in items. A call without a body costs one. */
const costOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / limits.http.bytesOfItem));

/** Bounds the wait for a look-up: such calls are not counted as in flight yet. */
function inTime<Found>({ deadline }: FastifyRequest, lookup: Promise<Found>): Promise<Found> {
  const latest = performance.now() + limits.apiKeys.lookupMs;
  const tooLong = () => overloaded(`the key was looked up for ${limits.apiKeys.lookupMs} ms`);
  return withDeadline(Math.min(deadline, latest), lookup, deadline < latest ? notStarted : tooLong);
}

function requireAccess({ method, url, config }: RouteOptions): void {
  if ((config?.scope === undefined) !== (config?.public === undefined)) return;
  throw new Error(`${String(method)} ${url} has to state config.scope or config.public, and not both`);
}
