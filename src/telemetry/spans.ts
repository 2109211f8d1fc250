import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes, Context, Span, SpanOptions, Tracer } from '@opentelemetry/api';
import {
  onSettled,
  storeDuring,
  storeDuringHttpCalls,
  type Stop,
  type TimedMessage,
  type TraceHeaders,
} from '../diagnostics.ts';
import { codeOf } from '../monitor/errorCodes.ts';
import { packageVersion } from '../version.ts';
import type { Api } from './api.ts';

type Traced = 'batch' | 'read' | 'phase' | 'statement' | 'wait';

/** Work that runs in a context of OpenTelemetry. */
interface Work {
  readonly context: Context;
  /** None if the work is a call whose span is in another process. */
  readonly span?: Span;
  /** The work that it is a part of. */
  readonly outer: Work | undefined;
  /** How many statements it has run, and how many rows these returned. */
  statements: number;
  rows: number;
}

/** Stores the work that runs now, and makes its context the active one: code that is not ours then finds our span too. */
class WorkStore extends AsyncLocalStorage<Work | undefined> {
  readonly #api: Api;

  constructor(api: Api) {
    super();
    this.#api = api;
  }

  override run<Result, Args extends unknown[]>(
    work: Work | undefined,
    callback: (...args: Args) => Result,
    ...args: Args
  ): Result {
    const { context } = this.#api;
    const entered =
      work === undefined ? callback : () => context.with(work.context, callback, undefined, ...args);
    return super.run(work, entered, ...args);
  }
}

/**
 * Makes a span for each batch, each read, and their parts. A statement or a wait has a span only if it is part of one.
 * Spans have names, numbers and codes, never values of customers: also the messages of errors are left out.
 */
export class Spans {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #store: WorkStore;
  readonly #works = new WeakMap<object, Work>();

  constructor(api: Api) {
    this.#api = api;
    this.#tracer = api.trace.getTracer('pincex', packageVersion());
    this.#store = new WorkStore(api);
  }

  /** Makes the spans of one Pincex, until the returned function is called. */
  listenTo(instance: string): Stop {
    const { SpanKind } = this.#api;
    const stops = [
      storeDuringHttpCalls(instance, this.#store, (headers) => this.#remote(headers)),
      ...this.#spansOf(instance, 'batch', { start: startOfBatch, end: endOfBatch }),
      ...this.#spansOf(instance, 'read', { start: startOfRead, end: endOfRead }),
      ...this.#spansOf(instance, 'phase', { start: startOfPhase, end: endOfPhase }),
      ...this.#spansOf(instance, 'statement', {
        start: startOfStatement,
        end: endOfStatement,
        isPart: true,
        kind: SpanKind.CLIENT,
      }),
      ...this.#spansOf(instance, 'wait', { start: startOfWait, end: () => ({}), isPart: true }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  #spansOf<Name extends Traced>(
    instance: string,
    name: Name,
    { start, end, isPart = false, kind }: Described<Name>,
  ): Stop[] {
    const begin = (message: TimedMessage<Name>): Work | undefined => {
      if (isPart && this.#api.trace.getSpan(this.#context) === undefined) return undefined;
      const { name, attributes } = start(message);
      const work = this.#begin(name, { attributes, ...(kind !== undefined && { kind }) });
      this.#works.set(message, work);
      return work;
    };
    return [
      storeDuring(instance, name, this.#store, begin),
      onSettled(instance, name, (message) => {
        const work = this.#works.get(message);
        if (work === undefined) return;
        if (name === 'statement') count(work, message as TimedMessage<'statement'>);
        this.#end(work, message, end(message, work));
      }),
    ];
  }

  get #context(): Context {
    return this.#store.getStore()?.context ?? this.#api.context.active();
  }

  #begin(name: string, options: SpanOptions): Work {
    const context = this.#context;
    const span = this.#tracer.startSpan(name, options, context);
    const outer = this.#store.getStore();
    return { context: this.#api.trace.setSpan(context, span), span, outer, statements: 0, rows: 0 };
  }

  #end({ span }: Work, message: { readonly error?: unknown }, attributes: Attributes): void {
    if (span === undefined) return;
    span.setAttributes(attributes);
    if ('error' in message) {
      span.setAttribute('error.type', codeOf(message.error));
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
    }
    span.end();
  }

  /** The trace of the client that calls over HTTP, unless the host application has a span for the call already. */
  #remote(headers: TraceHeaders): Work | undefined {
    const { trace, propagation } = this.#api;
    const active = this.#api.context.active();
    if (trace.getSpan(active) !== undefined) return undefined;
    return { context: propagation.extract(active, headers), outer: undefined, statements: 0, rows: 0 };
  }
}

/** The spans of one kind of work. */
interface Described<Name extends Traced> {
  readonly start: (message: TimedMessage<Name>) => { readonly name: string; readonly attributes: Attributes };
  /** What is known at the end. `result` is missing if the work failed. */
  readonly end: (message: TimedMessage<Name>, work: Work) => Attributes;
  /** Whether it has a span only if another span is its parent. */
  readonly isPart?: boolean;
  readonly kind?: SpanOptions['kind'];
}

function count(statement: Work, { result }: TimedMessage<'statement'>): void {
  const rows = result?.rows.length ?? 0;
  for (let { outer } = statement; outer !== undefined; { outer } = outer) {
    outer.statements++;
    outer.rows += rows;
  }
}

const startOfBatch = ({ operation, items, batchId }: TimedMessage<'batch'>) => ({
  name: operation,
  attributes: { 'pincex.items': items, 'pincex.batch.id': batchId },
});

const endOfBatch = ({ result }: TimedMessage<'batch'>, { statements }: Work): Attributes => ({
  'pincex.statements': statements,
  ...(result && {
    'pincex.items.applied': result.counts.applied,
    'pincex.items.replayed': result.counts.replayed,
    'pincex.items.rejected': result.counts.rejected,
  }),
});

const startOfRead = ({ operation, items, kind }: TimedMessage<'read'>) => ({
  name: operation,
  attributes: { 'pincex.items': items, ...(kind !== null && { 'pincex.cache.kind': kind }) },
});

const endOfRead = ({ result }: TimedMessage<'read'>, { statements, rows }: Work): Attributes => ({
  'pincex.statements': statements,
  'pincex.rows': rows,
  ...(result?.hits != null && { 'pincex.cache.hits': result.hits }),
});

const startOfPhase = ({ phase, items }: TimedMessage<'phase'>) => ({
  name: phase,
  attributes: { 'pincex.items': items },
});

const endOfPhase = ({ result }: TimedMessage<'phase'>, { statements }: Work): Attributes => ({
  'pincex.statements': statements,
  ...(result?.rows != null && { 'pincex.rows': result.rows }),
});

const startOfStatement = ({ name, server }: TimedMessage<'statement'>) => ({
  name,
  attributes: { 'db.system.name': 'postgresql', 'db.query.summary': name, 'pincex.server': server },
});

const endOfStatement = ({ result }: TimedMessage<'statement'>): Attributes =>
  result ? { 'db.response.returned_rows': result.rows.length } : {};

const startOfWait = ({ server }: TimedMessage<'wait'>) => ({
  name: 'wait_for_connection',
  attributes: { 'pincex.server': server },
});
