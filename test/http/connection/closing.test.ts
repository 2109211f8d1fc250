import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { funds, newUser, useBooks } from '../../support/books.ts';
import { until } from '../../support/waiting.ts';
import { serve } from '../support.ts';
import { abandonedLock, callOf, dial, hold, holdTimers, serveImpatiently, untilRead } from '../wire.ts';

const books = useBooks();

const LOCK = '/v1/funds/batch-lock';
const lock = (userId: string, id: string) => ({ id, userId, currency: 'USD', amount: '1', orderId: id });

const listensNoMore = (url: string) =>
  until('the service to listen no more', () =>
    fetch(url).then(
      () => false,
      () => true,
    ),
  );

/** The body of an answer, behind its head. */
const bodyOf = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));

describe('a service that is closing', () => {
  it('a closing service answers calls that run or queue, ends their connections, and takes no others', async () => {
    const service = await serve(books, { maxConcurrent: 1, queueTimeoutMs: 60_000 });
    const userId = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, userId);
    const wires = await Promise.all([dial(service.url), dial(service.url)]);
    for (const [n, wire] of wires.entries()) {
      const { head, body } = callOf(LOCK, service.key, { items: [lock(userId, `a${n}`)] });
      wire.send(head + body);
      await held.awaited();
    }
    const silent = await dial(service.url);
    const stopping = service.stop();
    await until('a connection that says nothing to end', () => silent.isClosed);
    await expect(dial(service.url)).rejects.toThrow('ECONNREFUSED');
    await held.release();
    await stopping;
    await until('the connections to end', () => wires.every((wire) => wire.isClosed));
    for (const wire of wires) {
      expect(wire.received).toMatch(/^HTTP\/1\.1 200 /);
      expect(wire.received).toMatch(/\r\nconnection: close\r\n/i);
      expect(bodyOf(wire.received)).toMatchObject({ status: 'applied' });
    }
    expect(await funds(books.pincex, userId, 'USD')).toBe('8 / 2');
  });

  it('a closing service refuses as a problem a call of which the whole head comes only then', async () => {
    const { app, url, key } = await serveImpatiently(books, {});
    const userId = await newUser(books.pincex, { USD: '10' });
    const { head, body } = callOf(LOCK, key, { items: [lock(userId, 'a')] });
    const wire = await dial(url);
    wire.send(head.slice(0, -10));
    await untilRead(url);
    const closing = app.close();
    await until('the service to listen no more', () => !app.server.listening);
    wire.send(head.slice(-10) + body);
    await closing;
    await until('the connection to end', () => wire.isClosed);
    expect(wire.received).toMatch(/^HTTP\/1\.1 503 [^]*\r\nretry-after: 1\r\n/i);
    expect(wire.received).toMatch(/\r\nconnection: close\r\n/i);
    expect(bodyOf(wire.received)).toMatchObject({ code: 'draining', retryable: true });
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
  });

  it('a closing service answers a request that cannot be read, and ends its connection', async () => {
    const { app, url } = await serveImpatiently(books, {});
    const wire = await dial(url);
    wire.send('GET /%zz HTTP/1.1\r\nHost: localhost\r\n');
    await untilRead(url);
    const closing = app.close();
    await until('the service to listen no more', () => !app.server.listening);
    wire.send('\r\n');
    await closing;
    await until('the connection to end', () => wire.isClosed);
    expect(wire.received).toMatch(/^HTTP\/1\.1 400 [^]*\r\nconnection: close\r\n/i);
  });

  it('a closing service also refuses a call whose client reads nothing until it has sent all', async () => {
    const { app, url, key } = await serveImpatiently(books, {});
    const { head } = callOf(LOCK, key, {});
    const many = 'x'.repeat(4 * 1_048_576);
    const wire = await dial(url);
    wire.pause();
    wire.send(head.slice(0, -10));
    await untilRead(url);
    const closing = app.close();
    await until('the service to listen no more', () => !app.server.listening);
    wire.send(head.slice(-10).replace(/Content-Length: \d+/, `Content-Length: ${2 * many.length}`));
    for (let half = 0; half < 2; half++) await wire.sent(many);
    wire.resume();
    await closing;
    await until('the connection to end', () => wire.isClosed);
    expect(bodyOf(wire.received)).toMatchObject({ code: 'draining', retryable: true });
  });

  it('a closing service brings to its end a batch whose client hung up, and keeps its outcome', async () => {
    const service = await serve(books);
    const { userId, batchId, held } = await abandonedLock(books, service);
    const stopping = service.stop();
    await listensNoMore(service.url);
    await held.release();
    await stopping;
    const [request] = await books.sql('SELECT status FROM requests WHERE batch_id = $1', [batchId]);
    expect(request).toEqual({ status: 200 });
    expect(await funds(books.pincex, userId, 'USD')).toBe('9 / 1');
    const ofKey = [service.key.split('_')[1]];
    expect(await books.sql('SELECT FROM request_usage WHERE caller = $1', ofKey)).toHaveLength(1);
  });

  it('a closing service answers a batch of which the rest came meanwhile, however long that takes', async () => {
    holdTimers();
    const { app, url, key } = await serveImpatiently(books, { requestMs: 20_000 });
    const userId = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, userId);
    const { head, body } = callOf(LOCK, key, { items: [lock(userId, 'a')] });
    const wire = await dial(url);
    wire.send(head + body.slice(0, -1));
    await untilRead(url);
    const closing = app.close();
    await listensNoMore(url);
    wire.send(body.slice(-1));
    await held.awaited();
    vi.advanceTimersByTime(40_000);
    await held.release();
    await closing;
    await until('the connection to end', () => wire.isClosed);
    expect(wire.received).toMatch(/^HTTP\/1\.1 200 /);
    expect(await funds(books.pincex, userId, 'USD')).toBe('9 / 1');
  });

  it('a closing service answers all calls that came on one connection, and ends it behind the last', async () => {
    const service = await serve(books);
    const userId = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, userId);
    const calls = ['a', 'b', 'c'].map((id) => callOf(LOCK, service.key, { items: [lock(userId, id)] }));
    const wire = await dial(service.url);
    wire.send(calls.map(({ head, body }) => head + body).join(''));
    await held.awaited();
    const stopping = service.stop();
    await listensNoMore(service.url);
    await held.release();
    await stopping;
    await until('the connection to end', () => wire.isClosed);
    expect(wire.received.match(/HTTP\/1\.1 200 /g)).toHaveLength(3);
    expect(wire.received.match(/connection: close/gi)).toHaveLength(1);
    expect(await funds(books.pincex, userId, 'USD')).toBe('7 / 3');
  });

  it('a closing service does not wait forever for the rest of a handshake', async () => {
    holdTimers();
    const tls = { cert: '', key: '' };
    const { app, url } = await serveImpatiently(books, { requestMs: 20_000 }, { tls });
    const connected = once(app.server, 'connection') as Promise<[Socket]>;
    const wire = await dial(url);
    wire.send('\u0016\u0003\u0001\u0002');
    const [socket] = await connected;
    await until('its beginning to be read', () => socket.bytesRead > 0);
    const closing = app.close();
    await until('the service to listen no more', () => !app.server.listening);
    expect(wire.isClosed).toBe(false);
    vi.advanceTimersByTime(20_000);
    await closing;
    await until('the connection to end', () => wire.isClosed);
  });

  it('a closing service does not wait forever for the rest of a request', async () => {
    holdTimers();
    const { app, url, key } = await serveImpatiently(books, { requestMs: 20_000 });
    const userId = await newUser(books.pincex, { USD: '10' });
    const { head, body } = callOf(LOCK, key, { items: [lock(userId, 'a')] });
    const wires = await Promise.all([dial(url), dial(url)]);
    wires[0].send(head.slice(0, -10));
    wires[1].send(head + body.slice(0, -1));
    await untilRead(url);
    const closing = app.close();
    await until('the service to listen no more', () => !app.server.listening);
    expect(wires.some((wire) => wire.isClosed)).toBe(false);
    vi.advanceTimersByTime(20_000);
    await closing;
    await until('the connections to end', () => wires.every((wire) => wire.isClosed));
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
  });
});
