import { context, trace } from '@opentelemetry/api';
import { node, tracing } from '@opentelemetry/sdk-node';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../src/diagnostics.ts';
import type { Pincex } from '../../src/index.ts';
import { registered, traceIdOf } from '../../src/telemetry/api.ts';
import { Spans } from '../../src/telemetry/spans.ts';
import { holdClock, holdTimers } from '../support/clock.ts';
import { until } from '../support/waiting.ts';
import { fresh, newUser, openBooks, useBooks } from '../support/books.ts';
import { attributesOf, startReceiver, type ReceivedSpan, type Receiver } from './receiver.ts';

const books = useBooks();

/** Opens the books, runs `work`, closes them, and returns the spans that the receiver got. */
async function traced(
  receiver: Receiver,
  work: (pincex: Pincex) => Promise<unknown>,
): Promise<ReceivedSpans> {
  const pincex = await openBooks(books.url);
  try {
    await work(pincex);
  } finally {
    await pincex.close();
  }
  return new ReceivedSpans(receiver.spans);
}

class ReceivedSpans {
  readonly all: readonly ReceivedSpan[];

  constructor(all: readonly ReceivedSpan[]) {
    this.all = all;
  }

  /** The only span of this name. */
  named(name: string): ReceivedSpan {
    const found = this.all.filter((span) => span.name === name);
    expect(found, name).toHaveLength(1);
    return found[0]!;
  }

  /** The names of the children of a span, in the order in which they began. */
  childrenOf({ spanId }: ReceivedSpan): string[] {
    return this.all.filter(({ parentSpanId }) => parentSpanId === spanId).map(({ name }) => name);
  }
}

const deposits = (userId: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({
    id: `secret-${n}`,
    userId,
    currency: 'USD',
    amount: '1234.56',
  }));

describe('the spans of a Pincex', () => {
  it('a batch is a span with load, decide, persist and publish below it, and a statement below its phase', async () => {
    const receiver = await startReceiver();
    const user = await newUser(books.pincex, { USD: '1' });
    let batchId = '';
    const spans = await traced(receiver, async (pincex) => {
      ({ batchId } = await pincex.bookkeeper.batchDeposit(deposits(user, 3)));
    });
    const batch = spans.named('batch_deposit');
    expect(batch.parentSpanId ?? '').toBe('');
    expect(attributesOf(batch)).toEqual({
      'pincex.items': 3,
      'pincex.batch.id': batchId,
      'pincex.statements': 2,
      'pincex.items.applied': 3,
      'pincex.items.replayed': 0,
      'pincex.items.rejected': 0,
    });
    const phases = ['decide', 'load', 'persist', 'publish'];
    expect(spans.childrenOf(batch).toSorted()).toEqual(phases);
    expect(phases.map((name) => attributesOf(spans.named(name)))).toEqual([
      { 'pincex.items': 3, 'pincex.statements': 0 },
      { 'pincex.items': 3, 'pincex.statements': 1, 'pincex.rows': 2 },
      // Two accounts, and for each deposit two journal entries, a transaction and an operation.
      { 'pincex.items': 3, 'pincex.statements': 1, 'pincex.rows': 14 },
      { 'pincex.items': 2, 'pincex.statements': 0 },
    ]);
    const [load] = spans.childrenOf(spans.named('load'));
    expect(load).toMatch(/^load:/);
    expect(spans.named(load!).kind).toBe(3);
    expect(attributesOf(spans.named(load!))).toEqual({
      'db.system.name': 'postgresql',
      'db.query.summary': load,
      'pincex.server': 'primary',
      'db.response.returned_rows': 1,
    });
    expect(spans.childrenOf(spans.named('persist'))).toEqual([expect.stringMatching(/^persist:/)]);
  });

  it('nothing that is sent has an id, a user or an amount of a customer, nor the message of an error', async () => {
    const receiver = await startReceiver();
    const user = fresh('user');
    const spans = await traced(receiver, async (pincex) => {
      await pincex.bookkeeper.batchDeposit(deposits(user, 2));
      await pincex.bookkeeper.batchGetAccounts([user], ['USD']);
      const tooMuch = { id: 'secret-lock', userId: user, orderId: 'secret-order', currency: 'USD' };
      await pincex.bookkeeper.batchLockFunds([{ ...tooMuch, amount: '777777' }]);
      await expect(pincex.bookkeeper.getAccount(user, 'NOPE')).rejects.toThrow('NOPE');
    });
    expect(spans.all.length).toBeGreaterThan(10);
    expect(receiver.bodies.join('')).not.toMatch(/secret|1234|777777|NOPE/);
    expect(receiver.bodies.join('')).not.toContain(user);
    expect(receiver.bodies.join('')).not.toContain('process.command');
  });

  it("the caller's active span is the parent of a batch and of a read", async () => {
    const receiver = await startReceiver();
    const user = await newUser(books.pincex, { USD: '1' });
    const spans = await traced(receiver, (pincex) =>
      trace.getTracer('caller').startActiveSpan('checkout', async (span) => {
        await pincex.bookkeeper.batchDeposit(deposits(user, 1));
        await pincex.bookkeeper.batchGetAccounts([user], ['USD']);
        await pincex.bookkeeper.batchGetAccounts([user], ['USD']);
        span.end();
      }),
    );
    const checkout = spans.named('checkout');
    expect(spans.childrenOf(checkout).toSorted()).toEqual([
      'batch_deposit',
      'batch_get_accounts',
      'batch_get_accounts',
    ]);
    const reads = spans.all.filter(({ name }) => name === 'batch_get_accounts');
    const [missed, hit] = reads.map((read) => attributesOf(read));
    const read = { 'pincex.items': 1, 'pincex.cache.kind': 'accounts' };
    expect(hit).toEqual({ ...read, 'pincex.cache.hits': 1, 'pincex.statements': 0, 'pincex.rows': 0 });
    expect(missed).toEqual({ ...read, 'pincex.cache.hits': 0, 'pincex.statements': 1, 'pincex.rows': 1 });
    expect(new Set(spans.all.map(({ traceId }) => traceId))).toEqual(new Set([checkout.traceId]));
  });

  it('concurrent batches have their own children, and BEGIN and COMMIT of a locked batch stand beside its phases', async () => {
    const receiver = await startReceiver();
    const spans = await traced(receiver, async (pincex) => {
      const work = async (tx: Parameters<Parameters<Pincex['transaction']>[0]>[0]) => {
        await tx.bookkeeper.batchDeposit(deposits(fresh('user'), 2));
      };
      await Promise.all([
        pincex.transaction(work),
        pincex.bookkeeper.batchDeposit(deposits(fresh('user'), 2)),
      ]);
    });
    const batches = spans.all.filter(({ name }) => name === 'batch_deposit');
    expect(batches).toHaveLength(2);
    const children = batches.map((batch) => spans.childrenOf(batch));
    for (const names of children)
      expect(names).toEqual(expect.arrayContaining(['load', 'decide', 'persist']));
    expect(children.flat()).toEqual(expect.arrayContaining(['savepoint', 'release-savepoint']));
  });

  it('a batch that fails has the code of its error and the status of an error, without a message', async () => {
    const receiver = await startReceiver();
    const user = fresh('user');
    const spans = await traced(receiver, async (pincex) => {
      await books.sql('ALTER TABLE operations RENAME TO elsewhere');
      try {
        await expect(pincex.bookkeeper.batchDeposit(deposits(user, 1))).rejects.toThrow();
      } finally {
        await books.sql('ALTER TABLE elsewhere RENAME TO operations');
      }
    });
    for (const name of ['batch_deposit', 'load']) {
      const { status, events } = spans.named(name);
      expect(status).toEqual({ code: 2 });
      expect(events).toEqual([]);
      expect(attributesOf(spans.named(name))).toMatchObject({ 'error.type': expect.any(String) as string });
    }
  });

  it('the trace that traceIdOf names while a listener is told of a batch is that of the batch', async () => {
    const receiver = await startReceiver();
    const heard: (string | undefined)[] = [];
    expect(traceIdOf()).toBeUndefined();
    const spans = await traced(receiver, async (pincex) => {
      listen(pincex.diagnostics.instance, { operation: () => heard.push(traceIdOf()) });
      await pincex.bookkeeper.batchDeposit(deposits(fresh('user'), 1));
      expect(traceIdOf()).toBeUndefined();
    });
    expect(heard).toEqual([spans.named('batch_deposit').traceId]);
  });

  it('metrics are sent beside the spans: durations, items, reads of the cache', async () => {
    const receiver = await startReceiver();
    const user = fresh('user');
    await traced(receiver, async (pincex) => {
      await pincex.bookkeeper.batchDeposit(deposits(user, 2));
      await pincex.bookkeeper.batchGetAccounts([user], ['USD']);
    });
    expect(receiver.metrics).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'pincex.operation.duration', unit: 's' }),
        expect.objectContaining({ name: 'pincex.items', unit: '{item}' }),
        expect.objectContaining({ name: 'pincex.cache.reads', unit: '{key}' }),
      ]),
    );
  });
});

describe('the SDK', () => {
  it('two Pincex of a process share the SDK, which runs until the last is closed; the next one starts it again', async () => {
    const receiver = await startReceiver();
    const [first, second] = await Promise.all([openBooks(books.url), openBooks(books.url)]);
    await first.close();
    await second.bookkeeper.batchDeposit(deposits(fresh('user'), 1));
    await second.close();
    expect(receiver.spans.filter(({ name }) => name === 'batch_deposit')).toHaveLength(1);
    const spans = await traced(receiver, (pincex) =>
      pincex.bookkeeper.batchDeposit(deposits(fresh('user'), 1)),
    );
    expect(spans.all.filter(({ name }) => name === 'batch_deposit')).toHaveLength(2);
  });

  it('spans go to the SDK of a host application that has set up its own, and closing leaves it running', async () => {
    const exporter = new tracing.InMemorySpanExporter();
    const provider = new node.NodeTracerProvider({
      spanProcessors: [new tracing.SimpleSpanProcessor(exporter)],
    });
    provider.register();
    onTestFinished(async () => {
      await provider.shutdown();
      trace.disable();
      context.disable();
    });
    const receiver = await startReceiver();
    await traced(receiver, (pincex) => pincex.bookkeeper.batchDeposit(deposits(fresh('user'), 1)));
    expect(receiver.bodies).toEqual([]);
    trace.getTracer('host').startSpan('after').end();
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['load', 'decide', 'persist', 'publish', 'batch_deposit', 'after']),
    );
  });

  it('a host application may replace the SDK that Pincex started, and closing leaves the parts of the host', async () => {
    await startReceiver();
    const pincex = await openBooks(books.url);
    trace.disable();
    const exporter = new tracing.InMemorySpanExporter();
    const provider = new node.NodeTracerProvider({
      spanProcessors: [new tracing.SimpleSpanProcessor(exporter)],
    });
    expect(trace.setGlobalTracerProvider(provider)).toBe(true);
    onTestFinished(async () => {
      await provider.shutdown();
      trace.disable();
    });
    await pincex.close();
    trace.getTracer('host').startSpan('after').end();
    await traced(await startReceiver(), (next) => next.bookkeeper.batchDeposit(deposits(fresh('user'), 1)));
    const names = exporter.getFinishedSpans().map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['after', 'batch_deposit']));
  });

  it('if telemetry cannot listen, the SDK that was started for it is stopped, and a warning is given', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const listening = vi.spyOn(Spans.prototype, 'listenTo').mockImplementationOnce(() => {
      throw new Error('a bug of the spans');
    });
    onTestFinished(() => {
      warnings.mockRestore();
      listening.mockRestore();
    });
    await startReceiver();
    const pincex = await openBooks(books.url);
    onTestFinished(() => pincex.close());
    expect(warnings).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('a bug of the spans'),
      expect.objectContaining({ code: 'PINCEX_TELEMETRY_OFF' }),
    );
    expect(registered()).not.toHaveProperty('trace');
  });

  it('a collector that never answers delays no batch, and close by a bounded time, which a warning tells', async () => {
    await startReceiver(() => new Promise(() => undefined));
    const codes: unknown[] = [];
    const take = (warning: Error & { readonly code?: unknown }): void => void codes.push(warning.code);
    process.on('warning', take);
    onTestFinished(() => void process.off('warning', take));
    const pincex = await openBooks(books.url);
    expect(await pincex.bookkeeper.batchDeposit(deposits(fresh('user'), 1))).toMatchObject({
      status: 'applied',
    });
    holdClock();
    const bound = holdTimers(5_000);
    let isClosed = false;
    const closing = pincex.close().then(() => (isClosed = true));
    await until('the books to close', () => {
      bound.fire();
      return isClosed;
    });
    await closing;
    await until('the warning', () => codes.includes('PINCEX_TELEMETRY_LOST'));
  });

  it('an SDK that fails while work runs fails no batch: the process gets one warning', async () => {
    await startReceiver();
    const messages: string[] = [];
    const take = ({ message }: Error): void => void messages.push(message);
    process.on('warning', take);
    onTestFinished(() => void process.off('warning', take));
    const pincex = await openBooks(books.url);
    onTestFinished(() => pincex.close());
    const setting = vi.spyOn(trace, 'setSpan').mockImplementation(() => {
      throw new Error('a bug of the SDK');
    });
    onTestFinished(() => {
      setting.mockRestore();
    });
    expect(await pincex.bookkeeper.batchDeposit(deposits(fresh('user'), 1))).toMatchObject({
      status: 'applied',
    });
    await until('the warning', () => messages.some((message) => message.includes('a bug of the SDK')));
  });
});
