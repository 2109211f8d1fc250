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
import type { Alert } from './alert.ts';
import type { BatchResult } from './results.ts';
import { messageOf } from './describe.ts';
import { raiseWarning } from './warnings.ts';

/** The server that a statement runs on. */
export type ServerName = 'primary' | 'replica';

/** The kinds of values that the cache can have, by the names that operators know. */
export type KindName = 'accounts' | 'orders' | 'userOrders' | 'trades';

/** The phases of a batch, in their order. A commit is published to the cache. */
export type Phase = 'load' | 'decide' | 'persist' | 'publish';

/** The sender of a message: a process may have several Pincex open, and all of them use the same channels. */
interface OfInstance {
  /** {@link Diagnostics.instance} of the Pincex. */
  readonly instance: string;
}

/** The operation that a batch or a read is measured as, such as `batch_lock_funds`, and its number of items or keys. */
interface Begun {
  readonly operation: string;
  readonly items: number;
}

/** The work of a batch, over all its attempts. It grows until the batch has ended. */
export interface BatchEffort {
  /** Statements of its phases, with BEGIN, COMMIT and savepoints. */
  readonly statements: number;
  readonly phaseMs: Readonly<Record<Phase, number>>;
}

/** Events that take time: the message at their beginning, and the `result` that the same message has at their end. */
interface Timed {
  /** A batch runs, from the first look at the catalog to its result. */
  batch: {
    begun: Begun & { readonly batchId: string; readonly effort: BatchEffort };
    result: BatchResult<unknown>;
  };
  /** Rows are read. `kind`: that of the cache, `null` past it; `hits`: how many items were in the cache, `null` past it. */
  read: {
    begun: Begun & { readonly kind: KindName | null };
    result: { readonly hits: number | null };
  };
  /**
   * A phase of a batch runs. `items`: those of the batch, or the entries of the cache that are published; `rows`: how many were
   * read or written, `null` if the phase does neither.
   */
  phase: {
    begun: { readonly phase: Phase; readonly items: number };
    result: { readonly rows: number | null };
  };
  /** A statement runs. Its values are customers' data, which must not be logged by default. */
  statement: {
    begun: Pick<StatementRun, 'name' | 'server' | 'text' | 'values'>;
    result: { readonly rows: readonly unknown[] };
  };
  /** A call waits for a connection because all are busy. */
  wait: { begun: { readonly server: ServerName }; result: unknown };
}

/** Events that happen at one moment. */
interface Momentary {
  /** A call got no connection: `pool_exhausted`. */
  poolRefusal: { readonly server: ServerName };
  /** Redis failed, and the call went on without the cache. */
  cacheFailure: { readonly error: unknown };
  /** A call over HTTP was answered with a problem. */
  refusal: { readonly code: string };
  /** The figures of another process could not be read. */
  unreadableReport: { readonly error: Error };
  /** The N+1 detector found a loop. */
  loop: { readonly shape: string; readonly callSite: string | null };
  /** An alert began to fire or was resolved. */
  alert: { readonly alert: Alert };
}

/** The trace of the caller, by the headers of W3C Trace Context. */
export interface TraceHeaders {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export type TimedMessage<Name extends keyof Timed> = OfInstance &
  Timed[Name]['begun'] & {
    /** When the work began, by `performance.now()`. */
    readonly began: number;
    /** Set by Node.js if the work succeeded. */
    readonly result?: Timed[Name]['result'];
    /** Set by Node.js if the work failed. */
    readonly error?: unknown;
  };

/** The channels of events that take time: five for each, such as `tracing:pincex:batch:start`. */
const timed: { readonly [Name in keyof Timed]: TracingChannel<string | undefined, TimedMessage<Name>> } = {
  batch: tracingChannel('pincex:batch'),
  read: tracingChannel('pincex:read'),
  phase: tracingChannel('pincex:phase'),
  statement: tracingChannel('pincex:statement'),
  wait: tracingChannel('pincex:wait'),
};

/** The channels of momentary events. */
const momentary: { readonly [Name in keyof Momentary]: Channel } = {
  poolRefusal: channel('pincex:pool_refusal'),
  cacheFailure: channel('pincex:cache_failure'),
  refusal: channel('pincex:refusal'),
  unreadableReport: channel('pincex:unreadable_report'),
  loop: channel('pincex:loop'),
  alert: channel('pincex:alert'),
};

/** The channel whose stores are set while a call over HTTP is answered. */
const httpCalls = channel('pincex:http_call') as Channel<unknown, OfInstance & TraceHeaders>;

/** The calls of public methods. */
const calls: Channel = channel('pincex:call');

/** The instance of messages that every listener receives, and of listeners that receive the messages of every Pincex. */
export const EVERY_INSTANCE = 'every';

/** Publishes the messages of the parts of one Pincex. If a channel has no listener, no message is made. */
export class Diagnostics {
  /** Identifies the messages of this Pincex among those of others in the process. */
  readonly instance: string;

  constructor(instance: string = uuidv7()) {
    this.instance = instance;
  }

  /** Runs `work`, and publishes when it begins and how it ends. */
  trace<Name extends keyof Timed, Result extends Timed[Name]['result']>(
    name: Name,
    begun: () => Timed[Name]['begun'],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const { [name]: channels } = timed;
    if (!channels.hasSubscribers) return work();
    // The spread comes last: V8 of Node.js 20 takes more than 1 µs for each field behind one.
    const message = { instance: this.instance, began: performance.now(), ...begun() };
    return channels.tracePromise(work, message);
  }

  /** Answers a call over HTTP by `work`, in the trace of its caller. */
  answer(headers: () => TraceHeaders, work: () => void): void {
    if (!httpCalls.hasSubscribers) work();
    else httpCalls.runStores({ instance: this.instance, ...headers() }, work);
  }

  /** Publishes a momentary event. */
  tell<Name extends keyof Momentary>(name: Name, message: () => Momentary[Name]): void {
    const { [name]: channel } = momentary;
    if (channel.hasSubscribers) channel.publish({ instance: this.instance, ...message() });
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
  /** Its parameters: arrays as literals. */
  readonly values: readonly (string | null)[];
  /** Milliseconds that it took. */
  readonly durationMs: number;
  /** How many rows it returned. */
  readonly rows: number;
}

/** A batch of keys that was looked up in the cache. */
export interface ReadRun {
  /** The kind of the values. */
  readonly kind: KindName;
  /** How many keys were looked up. */
  readonly keys: number;
  /** How many of them were in the cache. */
  readonly hits: number;
  /** Milliseconds that it took. */
  readonly durationMs: number;
}

/** A batch or a read that has ended. */
export interface OperationRun extends Begun {
  readonly durationMs: number;
  /** Statements that it sent; 1 for a read, unless the cache had everything. */
  readonly statements?: number | undefined;
  /** Id and phases of a batch. */
  readonly batchId?: string | undefined;
  readonly phaseMs?: BatchEffort['phaseMs'] | undefined;
  /** Result of a batch that did not fail. */
  readonly result?: BatchResult<unknown> | undefined;
  /** Error of a batch or read that failed. */
  readonly error?: unknown;
}

/** Functions that receive the messages. Those of events that take time are called once the event has succeeded. */
export interface Listeners {
  readonly batch?: (result: BatchResult<unknown>) => void;
  readonly read?: (run: ReadRun) => unknown;
  readonly statement?: (run: StatementRun) => unknown;
  /** Receives every batch and every read, also one that failed. */
  readonly operation?: (run: OperationRun) => void;
  /** Receives how long a call waited for a connection, in milliseconds. */
  readonly wait?: (durationMs: number) => void;
  readonly poolRefusal?: (refusal: Momentary['poolRefusal']) => void;
  readonly cacheFailure?: (failure: Momentary['cacheFailure']) => void;
  readonly refusal?: (refusal: Momentary['refusal']) => void;
  readonly unreadableReport?: (message: Momentary['unreadableReport']) => void;
  readonly loop?: (loop: Momentary['loop']) => void;
  readonly alert?: (message: Momentary['alert']) => unknown;
}

/** Ends the listening for which it was returned. */
export type Stop = () => void;

/**
 * Listens to one Pincex or to {@link EVERY_INSTANCE}, until the returned function is called. If a listener throws, neither the batch nor the process fails;
 * its first error becomes a warning of the process. (A subscriber that bypasses this function gets Node.js's own behaviour:
 * an error that it throws raises `uncaughtException`.)
 */
export function listen(
  instance: string,
  { batch, read, statement, operation, wait, ...moments }: Listeners,
): Stop {
  const stops = [
    batch &&
      onEnd(instance, 'batch', ({ result }) => {
        batch(result);
      }),
    read &&
      onEnd(instance, 'read', ({ kind, items, result: { hits } }, durationMs) => {
        return kind !== null && hits !== null ? read({ kind, keys: items, hits, durationMs }) : undefined;
      }),
    operation &&
      onSettled(instance, 'batch', (message, durationMs) => {
        const { batchId, effort, result } = message;
        const { statements, phaseMs } = effort;
        operation(runOf(message, { durationMs, statements, batchId, phaseMs, result }));
      }),
    operation &&
      onSettled(instance, 'read', (message, durationMs) => {
        const statements = message.result?.hits === message.items ? 0 : 1;
        operation(runOf(message, { durationMs, statements }));
      }),
    statement &&
      onEnd(instance, 'statement', ({ name, server, text, values, result }, durationMs) => {
        return statement({ name, server, text, values, durationMs, rows: result.rows.length });
      }),
    wait &&
      onEnd(instance, 'wait', (_, durationMs) => {
        wait(durationMs);
      }),
    moments.poolRefusal && onMoment(instance, 'poolRefusal', moments.poolRefusal),
    moments.cacheFailure && onMoment(instance, 'cacheFailure', moments.cacheFailure),
    moments.refusal && onMoment(instance, 'refusal', moments.refusal),
    moments.unreadableReport && onMoment(instance, 'unreadableReport', moments.unreadableReport),
    moments.loop && onMoment(instance, 'loop', moments.loop),
    moments.alert && onMoment(instance, 'alert', moments.alert),
  ];
  return () => {
    for (const stop of stops) stop?.();
  };
}

/**
 * Stores a name in `names` while a batch or a read of one Pincex runs, until the returned function is called.
 *
 * @param nameOf names a batch by its id, or a read, which has no id
 * @internal
 */
export function nameWork(
  instance: string,
  names: AsyncLocalStorage<string | undefined>,
  nameOf: (batchId?: string) => string,
): Stop {
  const stops = [
    storeDuring(instance, 'batch', names, ({ batchId }) => nameOf(batchId)),
    storeDuring(instance, 'read', names, () => nameOf()),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * Stores a value while work of one Pincex runs, until the returned function is called. If `valueOf` returns `undefined` or
 * throws, the work keeps the value that is stored already.
 *
 * @internal
 */
export function storeDuring<Name extends keyof Timed, Value>(
  instance: string,
  name: Name,
  store: AsyncLocalStorage<Value | undefined>,
  valueOf: (message: TimedMessage<Name>) => Value | undefined,
): Stop {
  const { [name]: channels } = timed;
  return bindTo(channels.start as Channel<unknown, TimedMessage<Name>>, instance, store, valueOf);
}

/** Stores a value while a call over HTTP to one Pincex is answered, as {@link storeDuring} does. @internal */
export const storeDuringHttpCalls = <Value>(
  instance: string,
  store: AsyncLocalStorage<Value | undefined>,
  valueOf: (headers: TraceHeaders) => Value | undefined,
): Stop => bindTo(httpCalls, instance, store, valueOf);

function bindTo<Message extends OfInstance, Value>(
  channel: Channel<unknown, Message>,
  instance: string,
  store: AsyncLocalStorage<Value | undefined>,
  valueOf: (message: Message) => Value | undefined,
): Stop {
  const valueOrNone = guarded(valueOf);
  channel.bindStore(store, (message) => {
    const value = message.instance === instance ? valueOrNone(message) : undefined;
    return value ?? store.getStore();
  });
  return () => {
    channel.unbindStore(store);
  };
}

/** Runs a call of a public method. The stack is still the caller's, which it no longer is when the batch or read begins. */
export function publishCall<Result>(method: string, call: () => Result): Result {
  return calls.hasSubscribers ? calls.runStores({ method }, call) : call();
}

/**
 * Stores in `store` what `valueOf` returns at the beginning of each call of a public method, while the call runs, until the
 * returned function is called. `valueOf` must not throw.
 *
 * @internal
 */
export function storeDuringCalls<Value>(store: AsyncLocalStorage<Value>, valueOf: () => Value): Stop {
  calls.bindStore(store, valueOf);
  return () => {
    calls.unbindStore(store);
  };
}

function runOf(
  message: Begun & { readonly error?: unknown },
  ended: Omit<OperationRun, 'operation' | 'items' | 'error'>,
): OperationRun {
  const { operation, items } = message;
  const run = { operation, items, ...ended };
  return 'error' in message ? { error: message.error, ...run } : run;
}

type Ended<Name extends keyof Timed> = TimedMessage<Name> & { readonly result: Timed[Name]['result'] };

function onEnd<Name extends keyof Timed>(
  instance: string,
  name: Name,
  listener: (message: Ended<Name>, durationMs: number) => unknown,
): Stop {
  return onSettled(instance, name, (message, durationMs) =>
    'error' in message ? undefined : listener(message as Ended<Name>, durationMs),
  );
}

/** Calls the listener for all work of one Pincex that has ended, also for work that failed. @internal */
export function onSettled<Name extends keyof Timed>(
  instance: string,
  name: Name,
  listener: (message: TimedMessage<Name>, durationMs: number) => unknown,
): Stop {
  const { asyncEnd } = timed[name];
  return subscribeTo(asyncEnd, instance, (message: TimedMessage<Name>) =>
    listener(message, performance.now() - message.began),
  );
}

const onMoment = <Name extends keyof Momentary>(
  instance: string,
  name: Name,
  listener: (message: Momentary[Name]) => unknown,
): Stop => subscribeTo(momentary[name], instance, listener);

function subscribeTo({ name }: Channel, instance: string, listener: (message: never) => unknown): Stop {
  const tell = guarded(listener);
  const onMessage = (message: unknown): void => {
    const { instance: sender } = message as OfInstance;
    const isForListener = sender === instance || sender === EVERY_INSTANCE || instance === EVERY_INSTANCE;
    if (isForListener) tell(message as never);
  };
  subscribe(name, onMessage);
  return () => {
    unsubscribe(name, onMessage);
  };
}

/** Catches the errors of a listener; its first error becomes a warning of the process. */
function guarded<Message, Result>(
  listener: (message: Message) => Result,
): (message: Message) => Result | undefined {
  let hasFailed = false;
  const onFailure = (error: unknown): void => {
    if (!hasFailed) warn(error);
    hasFailed = true;
  };
  return (message) => {
    try {
      const result = listener(message);
      // An async listener may reject later: without a handler that would end the process.
      if (result instanceof Promise) result.catch(onFailure);
      return result;
    } catch (error) {
      onFailure(error);
      return undefined;
    }
  };
}

function warn(error: unknown): void {
  const message = `A listener to the messages of Pincex threw: ${messageOf(error)}. The error was ignored; further errors of it are ignored without a warning`;
  raiseWarning('PINCEX_LISTENER_THREW', message, error instanceof Error ? error.stack : undefined);
}
