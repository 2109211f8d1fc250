import { tracingChannel } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { listen, type ReadRun } from '../src/diagnostics.ts';
import type { BatchResult, Pincex } from '../src/index.ts';
import { fresh, openBooks, useBooks } from './support/books.ts';

const books = useBooks();

const depositTo = (pincex: Pincex, userId = fresh('user')): Promise<BatchResult<unknown>> =>
  pincex.bookkeeper.batchDeposit([{ id: fresh('deposit'), userId, currency: 'USD', amount: '1' }]);

describe('the messages of a Pincex', () => {
  it('messages reach the listeners of their Pincex, and not those of another Pincex in the process', async () => {
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const heard = (pincex: Pincex) => {
      const told = { batches: [] as string[], statements: [] as string[], reads: [] as ReadRun[] };
      const stop = listen(pincex.diagnostics.instance, {
        batch: ({ batchId }) => told.batches.push(batchId),
        statement: ({ name }) => told.statements.push(name),
        read: (run) => told.reads.push(run),
      });
      onTestFinished(stop);
      return told;
    };
    const [here, there] = [heard(books.pincex), heard(other)];
    const [first, second] = await Promise.all([depositTo(books.pincex), depositTo(other)]);
    await other.bookkeeper.getAccount(fresh('nobody'), 'USD');
    expect(here.batches).toEqual([first.batchId]);
    expect(there.batches).toEqual([second.batchId]);
    expect(here.statements).not.toContain('get-accounts');
    expect(there.statements.filter((name) => name === 'get-accounts')).toHaveLength(1);
    expect(here.reads).toEqual([]);
    expect(there.reads).toMatchObject([{ kind: 'accounts', keys: 1, hits: 0 }]);
  });

  it('a listener gets no messages after it has stopped or the Pincex is closed', async () => {
    const statement = tracingChannel('pincex:statement');
    const wasHeard = statement.hasSubscribers;
    const names: string[] = [];
    const pincex = await openBooks(books.url, { onStatement: ({ name }) => names.push(name) });
    expect(statement.hasSubscribers).toBe(true);
    const batches: string[] = [];
    const stop = listen(pincex.diagnostics.instance, { batch: ({ batchId }) => batches.push(batchId) });
    stop();
    await depositTo(pincex);
    expect(names).not.toEqual([]);
    expect(batches).toEqual([]);
    await pincex.close();
    expect(statement.hasSubscribers).toBe(wasHeard);
  });

  it('a batch is counted only by its own Pincex', async () => {
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const before = books.pincex.statistics.snapshot().batches.count;
    await depositTo(other);
    expect(other.statistics.snapshot().batches.count).toBe(1);
    expect(books.pincex.statistics.snapshot().batches.count).toBe(before);
  });
});

describe('a listener that throws', () => {
  const warnings: Error[] = [];
  const take = (warning: Error): void => {
    if ('code' in warning && warning.code === 'PINCEX_LISTENER_THREW') warnings.push(warning);
  };
  beforeEach(() => process.on('warning', take));
  afterEach(() => {
    process.off('warning', take);
    warnings.length = 0;
  });

  /** Warnings are emitted in a later turn of the event loop. */
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('a listener that throws fails neither batch nor process, gets later messages, and causes one warning', async () => {
    const names: string[] = [];
    const pincex = await openBooks(books.url, {
      onStatement({ name }) {
        names.push(name);
        throw new Error('the bug of a listener');
      },
      onCacheRead() {
        throw new TypeError('another bug');
      },
    });
    onTestFinished(() => pincex.close());
    const user = fresh('user');
    expect(await depositTo(pincex, user)).toMatchObject({ status: 'applied' });
    expect(await depositTo(pincex, user)).toMatchObject({ status: 'applied' });
    await pincex.bookkeeper.getAccount(user, 'USD');
    await turn();
    expect(names.length).toBeGreaterThan(3);
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('threw: the bug of a listener'),
      expect.stringContaining('threw: another bug'),
    ]);
  });

  it('an async listener that rejects ends no process, and causes one warning', async () => {
    let calls = 0;
    const pincex = await openBooks(books.url, {
      async onStatement() {
        calls++;
        await Promise.reject(new Error('the pager is down'));
      },
    });
    onTestFinished(() => pincex.close());
    expect(await depositTo(pincex)).toMatchObject({ status: 'applied' });
    await turn();
    expect(calls).toBeGreaterThan(1);
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('the pager is down')]);
  });

  it('a listener that throws keeps no message from the other listeners', async () => {
    const { instance } = books.pincex.diagnostics;
    const batches: string[] = [];
    onTestFinished(
      listen(instance, {
        batch() {
          throw new Error('a bug');
        },
      }),
    );
    onTestFinished(listen(instance, { batch: ({ batchId }) => batches.push(batchId) }));
    const { batchId } = await depositTo(books.pincex);
    expect(batches).toEqual([batchId]);
  });
});
