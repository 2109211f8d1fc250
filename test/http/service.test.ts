import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { EngineOptions } from '../../src/engine/engine.ts';
import { Requests } from '../../src/http/requests/requests.ts';
import { Pincex } from '../../src/index.ts';
import { expectApplied, funds, newUser, useBooks } from '../support/books.ts';
import { startProxy } from '../support/proxy.ts';
import { until } from '../support/waiting.ts';
import { serve } from './support.ts';
import { serveImpatiently } from './wire.ts';

const books = useBooks();

it('is alive but not ready while its database cannot be reached, and ready again afterwards', async () => {
  const proxy = await startProxy(books.url);
  onTestFinished(() => proxy.close());
  const { get } = await serve({ ...books, url: proxy.url });
  expect((await get('/readyz')).status).toBe(200);
  proxy.shut();
  await until('it to notice', async () => (await get('/readyz')).status === 503);
  const unready = await get('/readyz');
  expect(unready.body).toMatchObject({ code: 'database_unavailable', retryable: true });
  expect(unready.text).not.toMatch(/127\.0\.0\.1|ECONN/);
  expect((await get('/healthz')).status).toBe(200);
  proxy.reopen();
  await until('it to be ready', async () => (await get('/readyz')).status === 200);
});

it('listens on one address where its host is a name that may have two', async () => {
  const { url } = await serve(books, { host: 'localhost' });
  expect(new URL(url).hostname).toBe('127.0.0.1');
});

it('is not ready while its database says nothing', async () => {
  const proxy = await startProxy(books.url);
  onTestFinished(() => proxy.close());
  const { get } = await serve({ ...books, url: proxy.url });
  proxy.onAnswer = () => 'hold';
  await until('it to notice', async () => (await get('/readyz')).status === 503);
  proxy.onAnswer = () => 'pass';
  proxy.release();
  await until('it to be ready', async () => (await get('/readyz')).status === 200);
});

it('asks the database once a second whether it is ready, however often it is asked itself', async () => {
  const { get } = await serve(books);
  const ping = vi.spyOn(Pincex.prototype, 'ping');
  onTestFinished(() => {
    ping.mockRestore();
  });
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 100 }, () => get('/readyz')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const seconds = (performance.now() - began) / 1_000;
  expect(ping.mock.calls.length).toBeLessThanOrEqual(1 + seconds);
});

it('says that it is alive to whoever asks, however long they would wait', async () => {
  const { url } = await serve(books);
  expect((await fetch(`${url}/healthz`, { headers: { 'request-timeout': 'never' } })).status).toBe(200);
});

it('logs what failed, and nothing of what it refused on purpose', async () => {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(line) });
  const { url, key } = await serveImpatiently(books, {}, { logger, maxWaiting: 0 });
  const statusOf = async (headers: Record<string, string>) => {
    const init = { method: 'POST', body: '{"items":[]}' };
    const type = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    return (await fetch(`${url}/v1/funds/batch-lock`, { ...init, headers: { ...type, ...headers } })).status;
  };
  lines.length = 0;
  expect(await statusOf({ 'request-timeout': '0.000001' })).toBe(504);
  expect(await statusOf({ authorization: 'Bearer none' })).toBe(401);
  expect(lines).toEqual([]);
  const lockFunds = vi.spyOn(books.pincex.bookkeeper, 'batchLockFunds');
  onTestFinished(() => {
    lockFunds.mockRestore();
  });
  lockFunds.mockRejectedValueOnce(new TypeError('a fault'));
  expect(await statusOf({})).toBe(500);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'internal_error', err: { message: 'a fault' } });
});

it('gives expired holds back by itself, also after it once could not', async () => {
  const sweep = vi.spyOn(Pincex.prototype, 'sweepExpired').mockRejectedValueOnce(new Error('no'));
  onTestFinished(() => {
    sweep.mockRestore();
  });
  await serve(books);
  const userId = await newUser(books.pincex, { USD: '10' });
  const expiresAt = new Date(Date.now() + 1_000).toISOString();
  const item = { id: 'l', userId, currency: 'USD', amount: '4', orderId: 'o', expiresAt };
  expectApplied(await books.pincex.bookkeeper.batchLockFunds([item]));
  await until(
    'the hold to be given back',
    async () => (await funds(books.pincex, userId, 'USD')) === '10 / 0',
  );
});

it('deletes answers that are kept no longer', async () => {
  const requests = new Requests(books.pincex, { retentionMs: 0 });
  const batchId = randomUUID();
  const answer = { status: 200, body: '{}' };
  const options: EngineOptions = {
    alongside: () => requests.noted({ caller: 'caller', route: '/', batchId }, answer),
  };
  await books.pincex.execute([], options);
  const kept = () => books.sql('SELECT FROM requests WHERE batch_id = $1', [batchId]);
  expect(await kept()).toHaveLength(1);
  await serve(books);
  await until('the answer to be deleted', async () => (await kept()).length === 0);
});
