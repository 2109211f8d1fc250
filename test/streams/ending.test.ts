import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { limits } from '../../src/index.ts';
import { openBooks, useBooks } from '../support/books.ts';
import { holdClock, type HeldClock } from '../support/clock.ts';
import { startProxy } from '../support/proxy.ts';
import { until } from '../support/waiting.ts';
import { STREAMED, take } from './tables.ts';

vi.mock('../../src/limits.ts', () => import('./smallPages.ts'));

/** However a stream ends, no caller hangs, a caller who left it gets no error, and its cursor goes on from there. */

const books = useBooks({}, { audited: false });
const PAGE = limits.streams.rows;
const ROWS = 3 * PAGE + 5;
const [accounts] = STREAMED;

beforeAll(() => books.sql(accounts!.seed, [1, ROWS]));

/** Rejections that nobody handled, for which Node.js would end a process. */
const unhandled: unknown[] = [];
beforeEach(() => {
  unhandled.length = 0;
  const listen = (reason: unknown): void => {
    unhandled.push(reason);
  };
  process.on('unhandledRejection', listen);
  onTestFinished(() => {
    process.off('unhandledRejection', listen);
  });
});
/** Waits a few turns of the event loop: unhandled rejections are reported at the end of a turn. */
const settled = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await turn();
};

describe('close()', () => {
  it('close() does not wait for a stream that was left, nor for one that nobody goes on with', async () => {
    const pincex = await openBooks(books.url);
    await take(pincex.streamAccounts(), 1);
    const held = pincex.streamAccounts()[Symbol.asyncIterator]();
    await held.next();
    pincex.streamAccounts();
    await pincex.close();
    await settled();
    expect(unhandled).toEqual([]);
  });

  it('close() ends a stream at its next row, with code closed', async () => {
    const pincex = await openBooks(books.url);
    const stream = pincex.streamAccounts();
    const rows = stream[Symbol.asyncIterator]();
    await rows.next();
    const { cursor } = stream;
    const closing = pincex.close();
    await expect(rows.next()).rejects.toMatchObject({ name: 'PincexError', code: 'closed' });
    await closing;
    expect(stream.cursor).toBe(cursor);
    expect(await rows.next()).toMatchObject({ done: true });
    await settled();
    expect(unhandled).toEqual([]);
  });

  it('a stream that had its last row when close() was called ends as usual', async () => {
    const pincex = await openBooks(books.url);
    const all = await take(pincex.streamAccounts());
    const stream = pincex.streamAccounts();
    const rows: unknown[] = [];
    for await (const row of stream) {
      rows.push(row);
      if (rows.length === all.length) await pincex.close();
    }
    expect(rows).toEqual(all);
  });

  it.each(STREAMED)(
    'a stream of $name that begins after close() is refused with code closed',
    async ({ open }) => {
      const pincex = await openBooks(books.url);
      const early = open(pincex);
      await pincex.close();
      for (const stream of [early, open(pincex)]) {
        await expect(take(stream)).rejects.toMatchObject({ name: 'PincexError', code: 'closed' });
        expect(stream.cursor).toBeNull();
      }
    },
  );
});

describe('a connection that breaks while the second page is read', () => {
  /** Pincex on a line that is cut when the second page is asked for; with `stays` it remains cut. */
  async function openCut(stays: boolean) {
    const proxy = await startProxy(books.url);
    const pincex = await openBooks(proxy.url);
    onTestFinished(async () => {
      await pincex.close();
      await proxy.close();
    });
    let pages = 0;
    proxy.onRequest = (request) => {
      if (!request.includes('stream-accounts') || ++pages !== 2) return 'pass';
      if (stays) proxy.shut();
      return 'cut';
    };
    return { proxy, pincex };
  }

  /** Waits until the stream has given up asking for the page. */
  async function givenUp({ proxy }: Awaited<ReturnType<typeof openCut>>, clock: HeldClock): Promise<void> {
    await until('the page to be asked for again', () => proxy.refused > 0);
    clock.pass(limits.database.reconnectMs);
    const { refused } = proxy;
    await until('the last time', () => proxy.refused > refused);
    await settled();
  }

  it('a page whose connection broke is read again', async () => {
    const { pincex } = await openCut(false);
    expect(await take(pincex.streamAccounts())).toEqual(await take(books.pincex.streamAccounts()));
  });

  it('when the server stays away, every row of the first page comes before the failure, and the cursor goes on behind them', async () => {
    const all = await take(books.pincex.streamAccounts());
    const line = await openCut(true);
    const clock = holdClock();
    const stream = line.pincex.streamAccounts();
    const rows: unknown[] = [];
    const failure = await (async () => {
      for await (const row of stream) {
        rows.push(row);
        if (rows.length === 1) await givenUp(line, clock);
      }
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'PincexError', code: 'database_unavailable', retryable: true });
    expect(rows).toEqual(all.slice(0, PAGE));
    line.proxy.reopen();
    const rest = await take(line.pincex.streamAccounts({ after: stream.cursor }));
    expect([...rows, ...rest]).toEqual(all);
    expect(unhandled).toEqual([]);
  });

  it('a caller who left the stream before the connection broke gets no error', async () => {
    const line = await openCut(true);
    const clock = holdClock();
    const stream = line.pincex.streamAccounts();
    expect(await take(stream, 1)).toHaveLength(1);
    await givenUp(line, clock);
    line.proxy.reopen();
    const rest = await take(line.pincex.streamAccounts({ after: stream.cursor }));
    expect(rest).toHaveLength(ROWS - 1);
    expect(unhandled).toEqual([]);
  });
});

describe('an error of the caller in the loop', () => {
  it('an error that is thrown in the loop ends the stream and reaches the caller, and the cursor is behind its row', async () => {
    const stream = books.pincex.streamAccounts();
    const mistake = new Error('mine');
    const work = async (): Promise<void> => {
      for await (const row of stream) if (row.userId === 'user-10') throw mistake;
    };
    await expect(work()).rejects.toBe(mistake);
    const [next] = await take(books.pincex.streamAccounts({ after: stream.cursor }), 1);
    expect(next).toMatchObject({ userId: 'user-10', currency: 'C1' });
  });
});
