import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { newUser, useBooks, type TestBooks } from '../../support/books.ts';
import { until } from '../../support/waiting.ts';
import { makeKey } from '../support.ts';
import { dial, getOf, hold, serveImpatiently } from '../wire.ts';

const books = useBooks();

interface Line {
  readonly msg: string;
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly code?: string;
  readonly isCut?: boolean;
  readonly durationMs: number;
  readonly keyId: string | null;
  readonly batchId?: string;
  readonly address: string;
}

/** A service that logs a line for each call, with the lines so far. */
async function logging(on: TestBooks, accessLog = true) {
  const lines: Line[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Line) });
  const service = await serveImpatiently(on, {}, { logger, accessLog });
  lines.length = 0;
  const next = async (): Promise<Line> => {
    await until('a line', () => lines.length > 0);
    return lines.shift()!;
  };
  return { ...service, lines, next };
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

describe('the access log', () => {
  it('the access log has a line for each call: who asked for what, how it was answered, and how long it took', async () => {
    const { url, key, next, lines } = await logging(books);
    const userId = await newUser(books.pincex, { USD: '5' });
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({
      items: [{ id: 'l', userId, currency: 'USD', amount: '5', orderId: 'o' }],
    });
    const init = { method: 'POST', headers, body };
    const answer = (await (await fetch(`${url}/v1/funds/batch-lock`, init)).json()) as { batchId: string };
    const line = await next();
    expect(line).toMatchObject({
      msg: 'call',
      level: 30,
      method: 'POST',
      path: '/v1/funds/batch-lock',
      status: 200,
      keyId: key.split('_')[1],
      batchId: answer.batchId,
      address: '127.0.0.1',
      requestId: expect.stringMatching(UUID) as string,
    });
    expect(line.durationMs).toBe(Math.round(line.durationMs * 100) / 100);
    expect(line.durationMs).toBeGreaterThan(0);
    expect(line).not.toHaveProperty('code');
    await fetch(`${url}/v1/stream/orders?after=secret`, { headers });
    expect(await next()).toMatchObject({
      path: '/v1/stream/orders',
      status: 400,
      code: 'invalid_argument',
    });
    await fetch(`${url}/healthz`);
    expect(await next()).toMatchObject({ path: '/healthz', status: 200, keyId: null });
    expect(lines).toEqual([]);
  });

  it('the access log has refused calls too, at whatever stage they were refused', async () => {
    const { url, key, next } = await logging(books);
    const wire = await dial(url);
    wire.send(getOf('/v1/limits', 'none'));
    expect(await next()).toMatchObject({ status: 401, code: 'unauthorized', keyId: null });
    const reader = await makeKey(books.pincex, 'read');
    const asReader = { method: 'POST', headers: { authorization: `Bearer ${reader}` } };
    await fetch(`${url}/v1/batches`, asReader);
    expect(await next()).toMatchObject({ status: 403, code: 'forbidden', keyId: reader.split('_')[1] });
    wire.send(getOf('/%zz', key));
    expect(await next()).toMatchObject({ status: 400, code: 'malformed_request', path: '/%zz' });
    wire.send(getOf(`/${'a'.repeat(5_000)}`, key));
    expect((await next()).path).toHaveLength(200);
  });

  it('the access log shows a call whose client hung up as cut, without a status', async () => {
    const { url, key, next } = await logging(books);
    const userId = await newUser(books.pincex, { USD: '5' });
    const held = await hold(books, userId);
    const body = JSON.stringify({ items: [{ id: 'd', userId, currency: 'USD', amount: '1' }] });
    const wire = await dial(url);
    const head = `POST /v1/funds/batch-deposit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}`;
    wire.send(
      `${head}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    await held.awaited();
    wire.hangUp();
    expect(await next()).toMatchObject({ status: null, isCut: true, path: '/v1/funds/batch-deposit' });
    await held.release();
  });

  it('the access log is off unless it is asked for', async () => {
    const { url, lines } = await logging(books, false);
    await fetch(`${url}/healthz`);
    await fetch(`${url}/v1/limits`);
    expect(lines).toEqual([]);
  });
});

describe('the id of a request', () => {
  const idOf = async (url: string, given?: string): Promise<string | null> => {
    const headers = { ...(given !== undefined && { 'request-id': given }) };
    return (await fetch(`${url}/v1/limits`, { headers })).headers.get('request-id');
  };

  it('a well-formed request id of the caller stands in the answer and in the log, and any other is replaced by a new one', async () => {
    const { url, next } = await logging(books);
    for (const id of ['a', 'x'.repeat(128), '8e03978e-40d5-43e8-bc93-6894a57f9324', 'Root=1-67891233-abc'])
      expect([await idOf(url, id), (await next()).requestId]).toEqual([id, id]);
    for (const id of ['', 'x'.repeat(129), 'a b', '"a"', 'ä', '{}', 'a,b']) {
      const given = await idOf(url, Buffer.from(id).toString('latin1'));
      expect(given).toMatch(UUID);
      expect((await next()).requestId).toBe(given);
    }
    const [first, second] = [await idOf(url), await idOf(url)];
    expect(first).toMatch(UUID);
    expect(first).not.toBe(second);
  });

  it('the request id stands in answers of every kind', async () => {
    const { url, key } = await logging(books);
    const headers = { authorization: `Bearer ${key}`, 'request-id': 'mine' };
    for (const [method, path] of [
      ['GET', '/v1/limits'],
      ['GET', '/v1/nothing'],
      ['PUT', '/v1/limits'],
      ['GET', '/%zz'],
      ['GET', '/v1/stream/accounts'],
    ] as const) {
      const answer = await fetch(url + path, { method, headers });
      expect(answer.headers.get('request-id'), path).toBe('mine');
      await answer.text();
    }
  });
});

it('refused calls are counted by their codes', async () => {
  const { url, key } = await serveImpatiently(books, {}, { bodyLimit: 1_024, itemsPerSecond: 1_000 });
  const before = books.pincex.statistics.snapshot().refusals;
  const post = async (body: string, headers: Record<string, string> = {}) =>
    (
      await fetch(`${url}/v1/funds/batch-lock`, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      })
    ).status;
  expect(await post('{"items":[]}')).toBe(200);
  expect(await post('{}', { authorization: 'Bearer none' })).toBe(401);
  expect(await post('{}', { authorization: `Bearer ${await makeKey(books.pincex, 'read')}` })).toBe(403);
  expect(await post('x'.repeat(2_000))).toBe(413);
  for (let n = 0; n < 2; n++) expect(await post('{}')).toBe(400);
  const wire = await dial(url);
  wire.send('hello\r\n\r\n');
  await until('it to be refused', () => wire.isClosed);
  const { refusals } = books.pincex.statistics.snapshot();
  const counted = Object.fromEntries(
    Object.entries(refusals).map(([code, count]) => [code, count - (before[code] ?? 0)]),
  );
  expect(counted).toMatchObject({ unauthorized: 1, forbidden: 1, body_too_large: 1, malformed_request: 3 });
  await books.pincex.doctor();
  const [row] = await books.sql<{ refusals: object }>(
    `SELECT statistics -> 'refusals' AS refusals FROM processes ORDER BY seen_at DESC LIMIT 1`,
  );
  expect(row!.refusals).toEqual(refusals);
});
