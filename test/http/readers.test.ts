import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/limits.ts';
import { expectApplied, fresh, newUser, useBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
import { serve } from './support.ts';
import { callOf, dial, getOf, holdTable, openManyAccounts, serveImpatiently } from './wire.ts';

const books = useBooks();

const LOCK = '/v1/funds/batch-lock';
const ACCOUNTS = '/v1/stream/accounts';

beforeAll(() => openManyAccounts(books));

describe('a stream gives its place back', () => {
  const statusOf = async (url: string, key: string, path: string): Promise<number> => {
    const { status, body } = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    await body?.cancel();
    return status;
  };

  it('when its client takes nothing any more', async () => {
    const { url, key } = await serveImpatiently(books, { requestMs: 500 }, { maxConcurrent: 1 });
    const wire = await dial(url);
    wire.send(getOf(ACCOUNTS, key));
    await until('the first lines', () => wire.received.length > 1_000);
    wire.pause();
    expect(await statusOf(url, key, '/v1/stream/trades')).toBe(503);
    await until('the place to be free', async () => (await statusOf(url, key, '/v1/stream/trades')) === 200);
  });

  it('when its client takes nothing any more of what the database let it wait for', async () => {
    const { url, key } = await serveImpatiently(books, { requestMs: 500 }, { maxConcurrent: 1 });
    const held = await holdTable(books, 'accounts');
    const wire = await dial(url);
    wire.send(getOf(ACCOUNTS, key));
    await held.awaited();
    wire.pause();
    await sleep(1_000);
    await held.release();
    expect(await statusOf(url, key, '/v1/stream/trades')).toBe(503);
    await until('the place to be free', async () => (await statusOf(url, key, '/v1/stream/trades')) === 200);
  });

  it('when its client hangs up in the middle of a line', async () => {
    const { url, key } = await serveImpatiently(books, {}, { maxConcurrent: 1 });
    const wire = await dial(url);
    wire.send(getOf(ACCOUNTS, key));
    await until('the first lines', () => wire.received.length > 1_000);
    wire.pause();
    expect(await statusOf(url, key, '/v1/stream/trades')).toBe(503);
    wire.hangUp();
    await until('the place to be free', async () => (await statusOf(url, key, '/v1/stream/trades')) === 200);
  });

  it('but not when it is slow and takes a little now and then', async () => {
    const { url, key } = await serveImpatiently(books, { requestMs: 2_000 }, { maxConcurrent: 1 });
    const response = await fetch(url + ACCOUNTS, { headers: { authorization: `Bearer ${key}` } });
    let text = '';
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.length < 1_000_000) await sleep(100);
    }
    expect(text.endsWith('{"end":true}\n')).toBe(true);
  });

  it('but not when it is the database that its client waits for', async () => {
    const { url, key } = await serveImpatiently(books, { requestMs: 100 });
    const held = await holdTable(books, 'journal');
    const wire = await dial(url);
    wire.send(getOf('/v1/stream/journal', key));
    await held.awaited();
    await sleep(1_000);
    await held.release();
    await until('the last line', () => wire.received.includes('{"end":true}'));
  });
});

it('an answer of which its client takes nothing is cut off', async () => {
  const { app, url, key } = await serveImpatiently(books, { requestMs: 2_000 });
  let answer: ServerResponse | undefined;
  app.server.once('request', (_, response) => (answer = response));
  const userId = await newUser(books.pincex, { USD: '1000' });
  const order = {
    userId,
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    price: '1.00',
    quantity: '1',
  } as const;
  const ids = Array.from({ length: limits.ordersPerUser.most }, (_, n) => `${'x'.repeat(100)}-${n}`);
  const orders = ids.map((id) => ({ ...order, id, ocoGroupId: id, parentOrderId: id }));
  expectApplied(await books.pincex.trading.batchCreateOrders(orders));
  const userIds = Array<string>(limits.readRows / ids.length).fill(userId);
  const { head, body } = callOf('/v1/users/orders/batch-get', key, { userIds, limit: ids.length });
  const wire = await dial(url);
  wire.pause();
  wire.send(head + body);
  await until('the answer to begin', () => answer?.headersSent === true);
  expect(answer).toMatchObject({ statusCode: 200, destroyed: false });
  await until('the answer to be cut off', () => answer?.destroyed === true);
});

it('an answer of which the client took a part and hung up can be asked for, and its key repeats it', async () => {
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
