import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { limits } from '../../../src/limits.ts';
import { expectApplied, fresh, newUser, useBooks } from '../../support/books.ts';
import { until } from '../../support/waiting.ts';
import { serve } from '../support.ts';
import {
  callOf,
  dial,
  getOf,
  holdTable,
  losePatience,
  nextAnswer,
  openManyAccounts,
  serveImpatiently,
  useApp,
  type Wire,
} from '../wire.ts';

const books = useBooks();

const LOCK = '/v1/funds/batch-lock';
const ACCOUNTS = '/v1/stream/accounts';

beforeAll(() => openManyAccounts(books));

describe('the place of a stream', () => {
  const service = useApp(books, { maxConcurrent: 1 });

  const statusOf = async (path: string): Promise<number> => {
    const headers = { authorization: `Bearer ${service.key}` };
    const { status, body } = await fetch(service.url + path, { headers });
    await body?.cancel();
    return status;
  };
  const placeIsFree = async (): Promise<boolean> => (await statusOf('/v1/stream/trades')) === 200;

  /** A stream that has its place, and its answer. */
  async function begun(path: string): Promise<{ wire: Wire; answer: ServerResponse }> {
    const beginning = nextAnswer(service.app);
    const wire = await dial(service.url);
    wire.send(getOf(path, service.key));
    return { wire, answer: await beginning };
  }

  it('a stream gives its place back when its client takes nothing any more', async () => {
    const { wire, answer } = await begun(ACCOUNTS);
    await until('the first lines', () => wire.received.length > 1_000);
    wire.pause();
    expect(await placeIsFree()).toBe(false);
    losePatience(answer);
    await until('the place to be free', placeIsFree);
  });

  it('a stream whose client takes nothing any more gives its place back also after it had to wait for the database', async () => {
    const held = await holdTable(books, 'accounts');
    const { wire, answer } = await begun(ACCOUNTS);
    await held.awaited();
    wire.pause();
    losePatience(answer);
    await once(answer, 'timeout');
    expect(await placeIsFree()).toBe(false);
    await held.release();
    await until('the place to be free', placeIsFree);
  });

  it('a stream gives its place back when its client hangs up in the middle of a line', async () => {
    const { wire } = await begun(ACCOUNTS);
    await until('the first lines', () => wire.received.length > 1_000);
    wire.pause();
    expect(await placeIsFree()).toBe(false);
    wire.hangUp();
    await until('the place to be free', placeIsFree);
  });

  it('a stream keeps its place while its client waits for the database', async () => {
    const held = await holdTable(books, 'journal');
    const { wire, answer } = await begun('/v1/stream/journal');
    await held.awaited();
    losePatience(answer);
    await once(answer, 'timeout');
    await held.release();
    await until('the last line', () => wire.received.includes('{"end":true}'));
    wire.hangUp();
    await until('the place to be free', placeIsFree);
  });
});

it('a stream whose client takes a little now and then goes on, and one whose client takes nothing is cut off', async () => {
  const { app, url, key } = await serveImpatiently(books, { requestMs: 3_000 });
  const beginning = nextAnswer(app);
  const response = await fetch(url + ACCOUNTS, { headers: { authorization: `Bearer ${key}` } });
  const slow = await beginning;
  const other = nextAnswer(app);
  const idle = await dial(url);
  idle.pause();
  idle.send(getOf(ACCOUNTS, key));
  const cut = await other;
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    // Each pause was shorter than the timeout, and all of them together were longer.
    if (!cut.destroyed) await sleep(50);
  }
  expect(slow.writableFinished).toBe(true);
  expect(text.endsWith('{"end":true}\n')).toBe(true);
  expect(cut).toMatchObject({ destroyed: true, writableFinished: false });
});

it('a stream whose client takes it more slowly than at the least rate is cut off, and no other', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { app, url, key } = await serveImpatiently(books, { requestMs: 30_000 });
  const begin = async () => {
    const beginning = nextAnswer(app);
    const wire = await dial(url);
    wire.send(getOf(ACCOUNTS, key));
    await until('the first lines', () => wire.received.length > 1_000);
    wire.pause();
    return { wire, answer: await beginning };
  };
  const [slow, quick] = [await begin(), await begin()];
  await until('the slow one to be cut off', async () => {
    const { length } = quick.wire.received;
    quick.wire.resume();
    await until('a megabyte', () => quick.wire.received.length > length + 1_048_576);
    quick.wire.pause();
    vi.advanceTimersByTime(30_000);
    return slow.answer.destroyed;
  });
  expect(slow.answer.writableFinished).toBe(false);
  quick.wire.resume();
  await until('all of it', () => quick.wire.received.includes('{"end":true}'));
});

it('an answer of which its client takes nothing is cut off', async () => {
  const { app, url, key } = await serveImpatiently(books, {});
  const userId = await newUser(books.pincex, { USD: '1000' });
  const order = {
    userId,
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    price: '1.00',
    quantity: '1',
  } as const;
  const ids = Array.from({ length: limits.reads.ordersPerUser.most }, (_, n) => `${'x'.repeat(100)}-${n}`);
  const orders = ids.map((id) => ({ ...order, id, ocoGroupId: id, parentOrderId: id }));
  expectApplied(await books.pincex.trading.batchCreateOrders(orders));
  const userIds = Array<string>(limits.http.readRows / ids.length).fill(userId);
  const { head, body } = callOf('/v1/users/orders/batch-get', key, { userIds, limit: ids.length });
  const beginning = nextAnswer(app);
  const wire = await dial(url);
  wire.pause();
  wire.send(head + body);
  const answer = await beginning;
  await until('the answer to begin', () => answer.headersSent);
  expect(answer).toMatchObject({ statusCode: 200, destroyed: false });
  losePatience(answer);
  await until('the answer to be cut off', () => answer.destroyed);
});

it('an answer of which the client took a part and hung up can be asked for, and its Idempotency-Key repeats it', async () => {
  const service = await serve(books);
  const userId = await newUser(books.pincex, { USD: '10000' });
  const batchId = randomUUID();
  const items = Array.from({ length: 10_000 }, (_, n) => ({
    id: `${'i'.repeat(100)}-${n}`,
    userId,
    currency: 'USD',
    amount: '1',
    orderId: `order-${n}`,
  }));
  const key = fresh('key');
  const { head, body } = callOf(LOCK, service.key, { items, batchId });
  const wire = await dial(service.url);
  wire.send(head.replace('\r\n\r\n', `\r\nIdempotency-Key: "${key}"\r\n\r\n`) + body);
  await until('the first of the answer', () => wire.received.length > 0);
  wire.hangUp();
  const outcome = await service.get(`/v1/batches/${batchId}`);
  expect(outcome).toMatchObject({ status: 200, body: { status: 'applied', counts: { applied: 10_000 } } });
  const again = await service.post(LOCK, body, { 'idempotency-key': `"${key}"` });
  expect(again.headers.get('idempotency-hit')).toBe('true');
  expect(again.text).toBe(outcome.text);
});
