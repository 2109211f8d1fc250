import { describe } from '../describe.ts';
import type { Stop } from '../diagnostics.ts';
import { PincexError } from '../errors.ts';
import type { SingleCall } from './context.ts';
import { insertedSeveral, isClient, isPromise, statementOf, type Method } from './driver.ts';
import { shapeOf } from './sql.ts';

/** A pool with the methods of `Pool` of the driver `pg`. */
export interface PoolLike {
  /** Sends a statement on any connection. */
  readonly query: (...args: never[]) => unknown;
  /** Gives a client, which has `query` and `release`. */
  readonly connect: (...args: never[]) => unknown;
}

/** Receives the end of a statement for a single key. */
type OnEnd = (ended: Omit<SingleCall, 'stack'>) => void;

/** Called where a statement is sent. Returns the function that receives its end, or `undefined`. */
type OnStatement = () => OnEnd | undefined;

const listeners = new Set<OnStatement>();
const watched = new WeakSet();

/** Listens to the statements of all watched pools, until the returned function is called. */
export function listenToStatements(listener: OnStatement): Stop {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/**
 * Lets `detectNPlusOne` and `expectNoNPlusOne` see the statements of a pool that is not Pincex's: those of `pool.query`, and of
 * the clients of `pool.connect`. Without a detector a statement is passed on as it is. Call it before the pool is used.
 *
 * @returns a function that ends the watching and gives the pool its own methods back
 * @throws PincexError `invalid_argument`: no pool, or one that is watched already
 *
 * @example
 * ```ts
 * const pool = { query: async (sql: string) => ({ rows: [sql] }), connect: async () => undefined };
 * const unwatch = watchPool(pool);
 * await expectNoNPlusOne(() => pool.query('SELECT 1'));
 * unwatch();
 * ```
 */
export function watchPool(pool: PoolLike): () => void {
  const { query, connect } = requirePool(pool);
  const restores = new Set<Stop>();
  /** Whether `pool.query` is asking for a connection: the statement that it sends there is counted already. */
  let isOwnConnect = false;
  const watchClient = (client: unknown): void => {
    if (!isClient(client)) return;
    const { query, release } = client;
    const restore = replaceMethods(client, {
      query: counted(query),
      release(...args) {
        restoreOnce();
        return release.apply(this, args);
      },
    });
    const restoreOnce = (): void => {
      if (restores.delete(restoreOnce)) restore();
    };
    restores.add(restoreOnce);
  };
  const countedQuery = counted(function (this: unknown, ...args) {
    isOwnConnect = true;
    try {
      return query.apply(this, args);
    } finally {
      isOwnConnect = false;
    }
  });
  const restorePool = replaceMethods(pool, {
    query: countedQuery,
    connect(...args) {
      return isOwnConnect ? connect.apply(this, args) : connectWatched(this, connect, args, watchClient);
    },
  });
  watched.add(pool);
  return () => {
    if (!watched.delete(pool)) return;
    for (const restore of restores) restore();
    restorePool();
  };
}

/** Connects by a callback or a promise, and watches the client before its user gets it. */
function connectWatched(
  pool: unknown,
  connect: Method,
  args: unknown[],
  watchClient: (client: unknown) => void,
): unknown {
  const [callback] = args;
  if (typeof callback !== 'function') {
    const connected = connect.apply(pool, args);
    return isPromise(connected) ? connected.then((client) => (watchClient(client), client)) : connected;
  }
  const onConnect = (error: unknown, client: unknown, release: unknown): void => {
    watchClient(client);
    (callback as Method)(error, client, isClient(client) ? client.release : release);
  };
  return connect.call(pool, onConnect);
}

/** A `query` that tells the listeners of its statements. */
function counted(query: Method): Method {
  return function (this: unknown, ...args) {
    if (listeners.size === 0) return query.apply(this, args);
    const statement = statementOf(args);
    const shape = statement && shapeOf(statement);
    if (shape == null) return query.apply(this, args);
    const onEnds = [...listeners].map((listener) => listener());
    const began = performance.now();
    const onEnd = (answer?: unknown): void => {
      if (insertedSeveral(answer)) return;
      for (const onEnd of onEnds) onEnd?.({ shape, began, durationMs: performance.now() - began });
    };
    const last = args.at(-1);
    if (typeof last === 'function') {
      const callback = function (this: unknown, error: unknown, answer: unknown): unknown {
        onEnd(answer);
        return (last as Method).call(this, error, answer);
      };
      return query.apply(this, [...args.slice(0, -1), callback]);
    }
    const answered = query.apply(this, args);
    if (!isPromise(answered)) return answered;
    return answered.then(
      (answer) => {
        onEnd(answer);
        return answer;
      },
      (error: unknown) => {
        onEnd();
        throw error;
      },
    );
  };
}

/** Gives an object other methods, until the returned function is called. */
function replaceMethods(object: object, methods: Readonly<Record<string, Method>>): Stop {
  const before = Object.keys(methods).map(
    (name) => [name, Object.getOwnPropertyDescriptor(object, name)] as const,
  );
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(object, name, { value, configurable: true, enumerable: false, writable: true });
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, descriptor);
    }
  };
}

function requirePool(pool: unknown): { readonly query: Method; readonly connect: Method } {
  const { query, connect } = (pool ?? {}) as { readonly query?: unknown; readonly connect?: unknown };
  if (typeof query !== 'function' || typeof connect !== 'function') {
    const message = `watchPool takes a pool with the methods query and connect: got ${describe(pool)}`;
    throw new PincexError('invalid_argument', message);
  }
  if (watched.has(pool as object))
    throw new PincexError('invalid_argument', 'This pool is watched already; end the other watching first');
  return { query: query as Method, connect: connect as Method };
}
