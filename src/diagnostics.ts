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

/** Which server of the books a statement runs on. */
export type ServerName = 'primary' | 'replica';

/** What the cache can hold, by the names that operators know. */
export type KindName = 'accounts' | 'orders' | 'userOrders' | 'trades';

/** Which Pincex a message is from: a process may have several open, and all of them use the same channels. */
interface OfInstance {
  /** {@link Diagnostics.instance} of the Pincex. */
  readonly instance: string;
}

/** What begins and ends: its message at the beginning, and the `result` that the same message has at the end. */
interface Timed {
  /** A batch runs, from the first look at the catalog to its result. */
  batch: { begun: { readonly batchId: string }; result: BatchResult<unknown> };
  /** Keys are read; `hits`: how many of them were in the cache, `null` where their kind is not cached. */
  read: {
    begun: { readonly kind: KindName; readonly keys: number };
    result: { readonly hits: number | null };
  };
  /** A statement runs. Its values are those of customers: they belong into no log. */
  statement: {
    begun: Pick<StatementRun, 'name' | 'server' | 'text' | 'values'>;
    result: { readonly rows: readonly unknown[] };
  };
  /** A call found every connection busy, and waits for one. */
  wait: { begun: { readonly server: ServerName }; result: unknown };
}

/** What happens at one moment. */
interface Momentary {
  /** A call got no connection: `pool_exhausted`. */
  poolRefusal: { readonly server: ServerName };
  /** The cache did not answer, and PostgreSQL was asked instead. */
  cacheFailure: { readonly error: unknown };
  /** A call over HTTP was answered with a problem. */
  refusal: { readonly code: string };
}

type TimedMessage<Name extends keyof Timed> = OfInstance &
  Timed[Name]['begun'] & {
    /** By `performance.now()`. */
    readonly began: number;
    /** Set by Node.js once it ended well. */
    readonly result?: Timed[Name]['result'];
    /** Set by Node.js once it failed. */
    readonly error?: unknown;
  };

/** Channels of what takes time: five each, such as `tracing:pincex:batch:start`. */
const timed: { readonly [Name in keyof Timed]: TracingChannel<string | undefined, TimedMessage<Name>> } = {
  batch: tracingChannel('pincex:batch'),
  read: tracingChannel('pincex:read'),
  statement: tracingChannel('pincex:statement'),
  wait: tracingChannel('pincex:wait'),
};

/** Channels of what happens at one moment. */
const momentary: { readonly [Name in keyof Momentary]: Channel } = {
  poolRefusal: channel('pincex:pool_refusal'),
  cacheFailure: channel('pincex:cache_failure'),
  refusal: channel('pincex:refusal'),
};

/** What the parts of one Pincex say goes out here. Where nobody listens, no message is made. */
export class Diagnostics {
  /** Tells the messages of this Pincex from those of others in the process. */
  readonly instance = uuidv7();

  /** Runs `work`, and tells when it begins and how it ends. */
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

  /** Tells what happened. */
  tell<Name extends keyof Momentary>(name: Name, message: () => Momentary[Name]): void {
    const { [name]: channel } = momentary;
    if (channel.hasSubscribers) channel.publish({ ...message(), instance: this.instance });
  }
}

/** A statement that has run. */
export interface StatementRun {
  /** Of the prepared statement. */
  readonly name: string;
  /** Where it ran. */
  readonly server: ServerName;
  /** Its SQL. */
  readonly text: string;
  /** What its parameters were: arrays as literals. */
  readonly values: readonly (string | null)[];
  /** Milliseconds that it took. */
  readonly durationMs: number;
  /** How many it answered. */
  readonly rows: number;
}

/** A batch of keys that was looked up in the cache. */
export interface ReadRun {
  /** What was read. */
  readonly kind: KindName;
  /** How many were asked for. */
  readonly keys: number;
  /** Of these keys, how many were in the cache. */
  readonly hits: number;
  /** Milliseconds that it took. */
  readonly durationMs: number;
}

/** What can be listened to. Of what takes time each is told once it ended well. */
export interface Listeners {
  readonly batch?: (result: BatchResult<unknown>) => void;
  readonly read?: (run: ReadRun) => void;
  readonly statement?: (run: StatementRun) => void;
  /** Told how long a call waited for a connection, in milliseconds. */
  readonly wait?: (durationMs: number) => void;
  readonly poolRefusal?: (refusal: Momentary['poolRefusal']) => void;
  readonly cacheFailure?: (failure: Momentary['cacheFailure']) => void;
  readonly refusal?: (refusal: Momentary['refusal']) => void;
}

/** Ends what it was answered for. */
export type Stop = () => void;

/**
 * Listens to one Pincex, until the returned function is called. A listener that throws is passed over: neither the
 * batch nor the process fails for it, and its first fault is a warning of the process. (Node.js itself would raise
 * `uncaughtException`, as it does where somebody subscribes to the channels without this function.)
 */
export function listen(instance: string, { batch, read, statement, wait, ...told }: Listeners): Stop {
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
    told.poolRefusal && onMoment(instance, 'poolRefusal', told.poolRefusal),
    told.cacheFailure && onMoment(instance, 'cacheFailure', told.cacheFailure),
    told.refusal && onMoment(instance, 'refusal', told.refusal),
  ];
  return () => {
    for (const stop of stops) stop?.();
  };
}

/**
 * Keeps a name in `names` while a batch or a read of one Pincex runs, until the returned function is called.
 *
 * @param nameOf of what begins, by the id of the batch; reads have none
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
    `A listener to what Pincex does threw: ${reason}. It was passed over, and will be without a word from now on`,
    {
      type: 'PincexWarning',
      code: 'PINCEX_LISTENER_THREW',
      ...(error instanceof Error && error.stack !== undefined && { detail: error.stack }),
    },
  );
}
