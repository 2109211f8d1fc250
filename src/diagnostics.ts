import type { AsyncLocalStorage } from 'node:async_hooks';
import {
  channel,
  subscribe,
  tracingChannel,
  unsubscribe,
  type Channel,
  type TracingChannel,
} from 'node:diagnostics_channel';
import { v7 as uuidv7 } from 'uuid';
import type { BatchResult } from './results.ts';

/** The server that a statement runs on. */
export type ServerName = 'primary' | 'replica';

/** The kinds of cached reads, by the names that operators know. */
export type KindName = 'accounts' | 'orders' | 'userOrders' | 'trades';

/** Names the Pincex that sent a message: a process may have several open, and all use the same channels. */
interface OfInstance {
  /** {@link Diagnostics.instance} of the Pincex. */
  readonly instance: string;
}

/** Work that takes time: its message when it begins, and the `result` that the same message has when it ends. */
interface Timed {
  /** A batch runs, from the first look at the catalog to its result. */
  batch: { begun: { readonly batchId: string }; result: BatchResult<unknown> };
  /** Keys are read. `hits` is the number of keys that were in the cache; `null` if their kind is not cached. */
  read: {
    begun: { readonly kind: KindName; readonly keys: number };
    result: { readonly hits: number | null };
  };
  /** A statement runs. Its values may be data of customers, so they must not be logged by default. */
  statement: {
    begun: Pick<StatementRun, 'name' | 'server' | 'text' | 'values'>;
    result: { readonly rows: readonly unknown[] };
  };
  /** A call waits for a connection because all are busy. */
  wait: { begun: { readonly server: ServerName }; result: unknown };
}

/** Events without a duration. */
interface Momentary {
  /** A call got no connection: `pool_exhausted`. */
  poolRefusal: { readonly server: ServerName };
  /** Redis failed, and the call went on without the cache. */
  cacheFailure: { readonly error: unknown };
  /** A call over HTTP was answered with a problem. */
  refusal: { readonly code: string };
}

type TimedMessage<Name extends keyof Timed> = OfInstance &
  Timed[Name]['begun'] & {
    /** When the work began, by `performance.now()`. */
    readonly began: number;
    /** Set by Node.js once the work succeeded. */
    readonly result?: Timed[Name]['result'];
    /** Set by Node.js once the work failed. */
    readonly error?: unknown;
  };

/** The tracing channels: five for each kind of work, such as `tracing:pincex:batch:start`. */
const timed: { readonly [Name in keyof Timed]: TracingChannel<string | undefined, TimedMessage<Name>> } = {
  batch: tracingChannel('pincex:batch'),
  read: tracingChannel('pincex:read'),
  statement: tracingChannel('pincex:statement'),
  wait: tracingChannel('pincex:wait'),
};

/** The channels of events. */
const momentary: { readonly [Name in keyof Momentary]: Channel } = {
  poolRefusal: channel('pincex:pool_refusal'),
  cacheFailure: channel('pincex:cache_failure'),
  refusal: channel('pincex:refusal'),
};

/** Publishes the messages of one Pincex. Without a listener, no message is made. */
export class Diagnostics {
  /** Identifies the messages of this Pincex among those of others in the process. */
  readonly instance = uuidv7();

  /** Runs `work`, and publishes its begin and its end. */
  trace<Name extends keyof Timed, Result extends Timed[Name]['result']>(
    name: Name,
    begun: () => Timed[Name]['begun'],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const { [name]: channels } = timed;
    if (!channels.hasSubscribers) return work();
    const message = { ...begun(), instance: this.instance, began: performance.now() };
    return channels.tracePromise(work, message);
  }

  /** Publishes an event. */
  tell<Name extends keyof Momentary>(name: Name, message: () => Momentary[Name]): void {
    const { [name]: channel } = momentary;
    if (channel.hasSubscribers) channel.publish({ ...message(), instance: this.instance });
  }
}

/** A statement that succeeded. */
export interface StatementRun {
  /** The name of the prepared statement. */
  readonly name: string;
  /** The server that it ran on. */
  readonly server: ServerName;
  /** The SQL of the statement. */
  readonly text: string;
  /** The values of its parameters, arrays as literals. */
  readonly values: readonly (string | null)[];
  /** Milliseconds that it took. */
  readonly durationMs: number;
  /** The number of rows that it returned. */
  readonly rows: number;
}

/** A batch of keys that was looked up in the cache. */
export interface ReadRun {
  /** The kind of the rows. */
  readonly kind: KindName;
  /** The number of keys that were looked up. */
  readonly keys: number;
  /** The number of these keys that were in the cache. */
  readonly hits: number;
  /** Milliseconds that it took. */
  readonly durationMs: number;
}

/** The callbacks of a listener. Those for work are called only when it succeeds. */
export interface Listeners {
  readonly batch?: (result: BatchResult<unknown>) => void;
  readonly read?: (run: ReadRun) => void;
  readonly statement?: (run: StatementRun) => void;
  /** Called with the time that a call waited for a connection, in milliseconds. */
  readonly wait?: (durationMs: number) => void;
  readonly poolRefusal?: (refusal: Momentary['poolRefusal']) => void;
  readonly cacheFailure?: (failure: Momentary['cacheFailure']) => void;
  readonly refusal?: (refusal: Momentary['refusal']) => void;
}

/** Stops the listening, or the naming, that returned it. */
export type Stop = () => void;

/**
 * Listens to one Pincex until the returned function is called. An error that a listener throws fails neither the batch nor
 * the process; the first one becomes a process warning. (Node.js by itself raises `uncaughtException` for listeners that
 * subscribe to the channels without this function.)
 */
export function listen(instance: string, { batch, read, statement, wait, ...events }: Listeners): Stop {
  const stops = [
    batch &&
      onEnd(instance, 'batch', ({ result }) => {
        batch(result);
      }),
    read &&
      onEnd(instance, 'read', ({ kind, keys, result: { hits } }, durationMs) => {
        if (hits !== null) read({ kind, keys, hits, durationMs });
      }),
    statement &&
      onEnd(instance, 'statement', ({ name, server, text, values, result }, durationMs) => {
        statement({ name, server, text, values, durationMs, rows: result.rows.length });
      }),
    wait &&
      onEnd(instance, 'wait', (_, durationMs) => {
        wait(durationMs);
      }),
    events.poolRefusal && onMoment(instance, 'poolRefusal', events.poolRefusal),
    events.cacheFailure && onMoment(instance, 'cacheFailure', events.cacheFailure),
    events.refusal && onMoment(instance, 'refusal', events.refusal),
  ];
  return () => {
    for (const stop of stops) stop?.();
  };
}

/**
 * Stores a name in `names` while a batch or a read of one Pincex runs, until the returned function is called.
 *
 * @param nameOf makes the name from the id of the batch; a read has no id
 * @internal
 */
export function nameWork(
  instance: string,
  names: AsyncLocalStorage<string | undefined>,
  nameOf: (batchId?: string) => string,
): Stop {
  const { batch, read } = timed;
  batch.start.bindStore(names, (message) =>
    message.instance === instance ? nameOf(message.batchId) : names.getStore(),
  );
  read.start.bindStore(names, (message) => (message.instance === instance ? nameOf() : names.getStore()));
  return () => {
    batch.start.unbindStore(names);
    read.start.unbindStore(names);
  };
}

type Ended<Name extends keyof Timed> = TimedMessage<Name> & { readonly result: Timed[Name]['result'] };

function onEnd<Name extends keyof Timed>(
  instance: string,
  name: Name,
  listener: (message: Ended<Name>, durationMs: number) => void,
): Stop {
  const { asyncEnd } = timed[name];
  return hear(asyncEnd, instance, (message: Ended<Name>) => {
    if (!('error' in message)) listener(message, performance.now() - message.began);
  });
}

const onMoment = <Name extends keyof Momentary>(
  instance: string,
  name: Name,
  listener: (message: Momentary[Name]) => void,
): Stop => hear(momentary[name], instance, listener);

function hear({ name }: Channel, instance: string, listener: (message: never) => void): Stop {
  let hasFailed = false;
  const onMessage = (message: unknown): void => {
    if ((message as OfInstance).instance !== instance) return;
    try {
      listener(message as never);
    } catch (error) {
      if (!hasFailed) warn(error);
      hasFailed = true;
    }
  };
  subscribe(name, onMessage);
  return () => {
    unsubscribe(name, onMessage);
  };
}

function warn(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  process.emitWarning(
    `A listener to what Pincex does threw: ${reason}. The error was ignored; further errors of this listener are ignored silently`,
    {
      type: 'PincexWarning',
      code: 'PINCEX_LISTENER_THREW',
      ...(error instanceof Error && error.stack !== undefined && { detail: error.stack }),
    },
  );
}
