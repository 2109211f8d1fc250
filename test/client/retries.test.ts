import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { PincexClient, PincexClientError } from '../../src/client/index.ts';
import { readRetryAfter } from '../../src/client/errors.ts';
import { pauseMs } from '../../src/client/retries.ts';
import { drop, half, hang, json, lines, problem, scripted, type Seen, type Step } from './script.ts';

/** Against a server that fails on purpose: what is sent again, how often, when, and with which key. */

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;
const DEPOSIT = [{ id: 'in', userId: 'alice', currency: 'USD', amount: '1' }];
const RESULT = { status: 'applied', results: [] };
const done = json(RESULT);

const clientOf = (url: string, options: { maxRetries?: number; timeoutMs?: number } = {}) =>
  new PincexClient({ url, key: 'pincex_id_secret', ...options });

/** Makes one write, and returns the error that it failed with, or the batch, and what the server was asked. */
async function write(steps: readonly Step[], options?: { maxRetries?: number; timeoutMs?: number }) {
  const { url, seen } = await scripted(...steps);
  const outcome: unknown = await clientOf(url, options)
    .batchDeposit(DEPOSIT)
    .catch((error: unknown) => error);
  return { outcome, seen, keys: new Set(seen.map(({ headers }) => headers['idempotency-key'])) };
}

const bodyOf = ({ body }: Seen) => JSON.parse(body) as Record<string, unknown>;

describe('a call is sent again, with the same body and idempotency key, when', () => {
  it.each<[string, Step]>([
    ['the connection is cut before an answer', drop],
    ['the connection is cut within the answer', half(RESULT)],
    ['a proxy had no answer: 502', json('Bad gateway', 502)],
    ['it came too slowly: 408', json('Request Timeout', 408)],
    ['the service is busy: 503', problem(503, 'overloaded', { retryable: true })],
    ['the service is stopping: 503', problem(503, 'draining', { retryable: true })],
    ['it was too late: 504', problem(504, 'deadline_exceeded', { retryable: true })],
    ['a proxy had enough of it: 429', json('Too many requests', 429)],
    ['a proxy tells so in a problem of its own', json({ code: 'busy', detail: 'Too many calls' }, 503)],
    ['too much was sent: 429', problem(429, 'rate_limited', { retryable: true })],
    ['the batch lost against others: 409', problem(409, 'conflict', { retryable: true })],
    ['its first attempt is under way: 409', problem(409, 'request_in_progress', { retryable: true })],
  ])('%s', async (_, failure) => {
    const { outcome, seen, keys } = await write([failure, failure, done]);
    expect(outcome).toEqual(RESULT);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
    expect(bodyOf(seen[0]!)).toEqual({ items: DEPOSIT, batchId: expect.stringMatching(UUID) as string });
    expect(keys).toEqual(new Set([`"${bodyOf(seen[0]!)['batchId'] as string}"`]));
  });
});

describe('a call is not sent again when', () => {
  it.each<[string, Step, object]>([
    ['it is malformed', problem(400, 'malformed_request'), { code: 'malformed_request', status: 400 }],
    ['there is no key', problem(401, 'unauthorized'), { code: 'unauthorized', status: 401 }],
    ['the key may not', problem(403, 'forbidden'), { code: 'forbidden', status: 403 }],
    ['there is nothing', problem(404, 'not_found'), { code: 'not_found', status: 404 }],
    ['it is too large', problem(413, 'body_too_large'), { code: 'body_too_large', status: 413 }],
    [
      'its key was reused',
      problem(422, 'idempotency_key_reused'),
      { code: 'idempotency_key_reused', status: 422 },
    ],
    ['it never fits', problem(429, 'rate_limited'), { code: 'rate_limited', status: 429 }],
    ['the service says it is of no use', problem(503, 'closed'), { code: 'closed', status: 503 }],
    ['the service failed', problem(500, 'internal_error'), { code: 'internal_error', status: 500 }],
    ['a proxy failed', json('Oops', 500), { code: 'http_error', status: 500, problem: null }],
    ['another program answers', json('Hello', 404), { code: 'http_error', status: 404, problem: null }],
  ])('%s', async (_, failure, wanted) => {
    const { outcome, seen } = await write([failure, done]);
    expect(outcome).toBeInstanceOf(PincexClientError);
    expect(outcome).toMatchObject({ retryable: false, ...wanted });
    expect(seen).toHaveLength(1);
  });
});

it('returns the batch of an atomic batch that was rejected, and sends it once', async () => {
  const { outcome, seen } = await write([problem(422, 'batch_rejected', { batch: RESULT })]);
  expect(outcome).toEqual(RESULT);
  expect(seen).toHaveLength(1);
});

it('sends each call with a key of its own, or with that of the caller', async () => {
  const { url, seen } = await scripted(done);
  const client = clientOf(url);
  await client.batchDeposit(DEPOSIT);
  await client.batchDeposit(DEPOSIT);
  await client.batchDeposit(DEPOSIT, { idempotencyKey: 'my "own" \\ key' });
  const keys = seen.map(({ headers }) => headers['idempotency-key']);
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe('"my \\"own\\" \\\\ key"');
  // The same in every process, so that the service knows it for the same call.
  expect(bodyOf(seen[2]!)).toEqual({ items: DEPOSIT });
});

it('sends its API key, its batch id and its mode; reads need no idempotency key', async () => {
  const { url, seen } = await scripted(done, json({ accounts: [] }));
  const client = clientOf(url);
  await client.batchDeposit(DEPOSIT, { mode: 'atomic', batchId: '0198d3a4-0000-7000-8000-000000000000' });
  await client.batchGetAccounts(['alice'], ['USD'], { minVersions: [3] });
  expect(seen[0]).toMatchObject({
    path: '/v1/funds/batch-deposit',
    headers: {
      authorization: 'Bearer pincex_id_secret',
      'content-type': 'application/json',
      'idempotency-key': '"0198d3a4-0000-7000-8000-000000000000"',
    },
  });
  expect(bodyOf(seen[0]!)).toEqual({
    items: DEPOSIT,
    mode: 'atomic',
    batchId: '0198d3a4-0000-7000-8000-000000000000',
  });
  expect(seen[1]?.headers).not.toHaveProperty('idempotency-key');
  expect(bodyOf(seen[1]!)).toEqual({
    userIds: ['alice'],
    currencies: ['USD'],
    minVersions: [3],
  });
});

it('gives up after as many retries as it may make, with the last failure', async () => {
  const three = await write([drop]);
  expect(three.outcome).toMatchObject({
    code: 'network_error',
    status: null,
    retryable: true,
    problem: null,
  });
  expect(three.seen).toHaveLength(4);
  expect(three.keys.size).toBe(1);
  const none = await write([problem(503, 'overloaded', { retryable: true })], { maxRetries: 0 });
  expect(none.outcome).toMatchObject({ code: 'overloaded', status: 503, retryable: true });
  expect(none.seen).toHaveLength(1);
  // Nor does it ask for its own call then.
  const still = await write([problem(409, 'request_in_progress', { retryable: true })], { maxRetries: 0 });
  expect(still.outcome).toMatchObject({ code: 'request_in_progress', status: 409 });
  expect(still.seen).toHaveLength(1);
});

const running = problem(409, 'request_in_progress', { retryable: true });

it('goes on asking for its own call that is still being executed, however often it was told so', async () => {
  const { outcome, seen, keys } = await write([drop, running, running, running, running, running, done]);
  expect(outcome).toMatchObject({ status: 'applied' });
  expect(seen).toHaveLength(7);
  expect(keys.size).toBe(1);
});

describe('the error of a call names its batch, so that its outcome can be asked for, when', () => {
  it.each<[string, Step, string]>([
    ['no answer came', drop, 'network_error'],
    ['none came in time', hang, 'timeout'],
    [
      'it was too late',
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      'deadline_exceeded',
    ],
    ['the service became busy', problem(503, 'overloaded', { retryable: true }), 'overloaded'],
    ['the key was revoked meanwhile', problem(401, 'unauthorized'), 'unauthorized'],
  ])('%s', async (_, last, code) => {
    const { outcome, seen } = await write([drop, last], { maxRetries: 1, timeoutMs: 2_000 });
    expect(outcome).toMatchObject({ code, batchId: bodyOf(seen[0]!)['batchId'] });
  });

  it('it is still being executed at the end of its time', async () => {
    // Its own pause is beyond the time that is left, so that no attempt is under way when the time is over.
    const last = problem(409, 'request_in_progress', { retryable: true }, { 'retry-after': '1' });
    const { outcome, seen } = await write([drop, last], { timeoutMs: 1_000 });
    expect(outcome).toMatchObject({ code: 'request_in_progress', batchId: bodyOf(seen[0]!)['batchId'] });
  });

  it('the key is its own, and the service tells the batch', async () => {
    const { url } = await scripted(
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      drop,
    );
    const failing = () => clientOf(url, { maxRetries: 0 }).batchDeposit(DEPOSIT, { idempotencyKey: 'own' });
    await expect(failing()).rejects.toMatchObject({ code: 'deadline_exceeded', batchId: 'b' });
    await expect(failing()).rejects.toMatchObject({ code: 'network_error', batchId: null });
  });

  it('the service told it once, and later failures did not', async () => {
    const { url } = await scripted(
      drop,
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'c' }),
      drop,
    );
    const failing = clientOf(url, { maxRetries: 3 }).batchDeposit(DEPOSIT, { idempotencyKey: 'own' });
    await expect(failing).rejects.toMatchObject({ code: 'network_error', batchId: 'b' });
  });

  it('but the reason of who gave it up stays as it is', async () => {
    const { url } = await scripted(drop, hang);
    const reason: unknown = await clientOf(url, { maxRetries: 0 })
      .batchDeposit(DEPOSIT)
      .catch((error: unknown) => error);
    const { batchId } = reason as PincexClientError;
    const again = clientOf(url).batchDeposit(DEPOSIT, { signal: AbortSignal.abort(reason) });
    await expect(again).rejects.toBe(reason);
    expect((reason as PincexClientError).batchId).toBe(batchId);
  });

  it('it is what was asked for', async () => {
    const { url } = await scripted(drop);
    const asking = clientOf(url, { maxRetries: 0 }).getBatch('b');
    await expect(asking).rejects.toMatchObject({ code: 'network_error', batchId: 'b' });
  });

  it('a read has none', async () => {
    const { url } = await scripted(drop);
    const reading = clientOf(url, { maxRetries: 0 }).batchGetAccounts(['alice'], ['USD']);
    await expect(reading).rejects.toMatchObject({ code: 'network_error', batchId: null });
  });
});

it('fails at once when Retry-After is longer than any timer, even where it has any time', async () => {
  const month = problem(503, 'overloaded', { retryable: true }, { 'retry-after': '2592000' });
  const { outcome, seen } = await write([month, done], { timeoutMs: Infinity });
  expect(outcome).toMatchObject({ code: 'overloaded' });
  expect(seen).toHaveLength(1);
});

describe('something else answers, and is told of, when a line of a stream is', () => {
  const failureOf = async (line: string) => {
    const { url } = await scripted(lines(`${line}\n`, 'end'));
    const rows = clientOf(url).streamAccounts()[Symbol.asyncIterator]();
    return rows.next().catch((error: unknown) => error);
  };

  it.each(['<html>', 'null', '5', '"text"', '{}', '{"cursor":"c1"}'])('%s', async (line) => {
    const failure = await failureOf(line);
    expect(failure).toBeInstanceOf(PincexClientError);
    expect(failure).toMatchObject({
      code: 'http_error',
      retryable: false,
      message: expect.stringContaining(JSON.stringify(line)) as string,
    });
  });

  it('no JSON, with the beginning of it and what the parser said', async () => {
    const failure = await failureOf('x'.repeat(1_000));
    expect(failure).toMatchObject({ cause: expect.any(SyntaxError) as SyntaxError });
    expect(String(failure)).toContain('x'.repeat(100));
    expect(String(failure)).not.toContain('x'.repeat(101));
  });
});

it('is never back before Retry-After', async () => {
  const { seen } = await write([
    problem(503, 'overloaded', { retryable: true }, { 'retry-after': '1' }),
    done,
  ]);
  const [first, second] = seen;
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_000);
});

it('fails at once when Retry-After is beyond its time', async () => {
  // Who waited that long would find the time of the test over.
  const { outcome, seen } = await write([
    problem(503, 'overloaded', { retryable: true }, { 'retry-after': '600' }),
    done,
  ]);
  expect(outcome).toMatchObject({ code: 'overloaded', retryAfterMs: 600_000 });
  expect(seen).toHaveLength(1);
});

it('tells the service how much time is left, less in each attempt', async () => {
  const { seen } = await write([drop, drop, done], { timeoutMs: 20_000 });
  const seconds = seen.map(({ headers }) => Number(headers['request-timeout']));
  expect(seconds[0]).toBeLessThanOrEqual(19.5);
  expect(seconds[1]).toBeLessThan(seconds[0]!);
  expect(seconds[2]).toBeLessThan(seconds[1]!);
  const { seen: ever } = await write([done], { timeoutMs: Infinity });
  expect(ever[0]?.headers).not.toHaveProperty('request-timeout');
});

it('fails in time when the service says nothing', async () => {
  const { outcome } = await write([hang], { timeoutMs: 300 });
  expect(outcome).toMatchObject({ code: 'timeout', status: null, retryable: true });
});

it('fails in time when the service stops in the middle of its answer', async () => {
  const begin: Step = (response) => response.writeHead(200, { 'content-length': '100' }).write('{');
  const { outcome } = await write([begin], { timeoutMs: 300 });
  expect(outcome).toMatchObject({ code: 'timeout' });
});

it('fails with the reason of the caller who gives it up: before, within, and between attempts', async () => {
  const reason = new Error('Enough');
  const before = await scripted(done);
  const given = clientOf(before.url).batchDeposit(DEPOSIT, { signal: AbortSignal.abort(reason) });
  await expect(given).rejects.toBe(reason);
  expect(before.seen).toHaveLength(0);
  for (const step of [hang, problem(503, 'overloaded', { retryable: true }, { 'retry-after': '600' })]) {
    const { url, seen } = await scripted(step);
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort(reason);
    }, 200);
    await expect(
      clientOf(url, { timeoutMs: Infinity }).batchDeposit(DEPOSIT, { signal: controller.signal }),
    ).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
  }
});

it('leaves nothing with a signal that lives on, be it that the call succeeds, is refused or is tried again', async () => {
  const { signal } = new AbortController();
  const [adding, removing] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
  const { url } = await scripted(drop, done, problem(400, 'malformed_request'));
  await clientOf(url).batchDeposit(DEPOSIT, { signal });
  await expect(clientOf(url).batchDeposit(DEPOSIT, { signal })).rejects.toMatchObject({ status: 400 });
  const listeners = (calls: unknown[][]) => calls.map(([, listener]) => listener);
  expect(adding.mock.calls.length).toBeGreaterThan(3);
  expect(new Set(listeners(removing.mock.calls))).toEqual(new Set(listeners(adding.mock.calls)));
});

it('fails with the reason also where a platform fails with an error of its own', async () => {
  const reason = new Error('Enough');
  const controller = new AbortController();
  const hanging = ((_url: string, { signal }: { signal: AbortSignal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new DOMException('The user aborted a request', 'AbortError'));
      });
    })) as unknown as typeof fetch;
  const client = new PincexClient({ url: 'http://localhost', key: 'pincex_a', fetch: hanging });
  const given = client.limits({ signal: controller.signal });
  controller.abort(reason);
  await expect(given).rejects.toBe(reason);
  await expect(client.limits({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
});

it('says that something else answers, when it is not JSON', async () => {
  const page: Step = (response) => response.end('<html>');
  const { outcome, seen } = await write([page]);
  expect(outcome).toMatchObject({ code: 'http_error', status: 200, retryable: false });
  expect(seen).toHaveLength(1);
});

it("says so when the answer is JSON, and not the service's", async () => {
  const { outcome } = await write([json({ hello: 1 })]);
  expect(outcome).toMatchObject({ code: 'http_error', status: 200, retryable: false });
  expect(String(outcome)).toContain('The answer has no results');
  const { url } = await scripted(json(null));
  const reading = clientOf(url).batchGetOrdersByIds(['a']);
  await expect(reading).rejects.toThrow('The answer has no orders');
});

it('says what is behind a service that cannot be reached', async () => {
  const { url } = await scripted(done);
  const { port } = new URL(url);
  const elsewhere = createServer().listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  const free = (elsewhere.address() as AddressInfo).port;
  await new Promise((resolve) => elsewhere.close(resolve));
  const failure: unknown = await clientOf(url.replace(port, String(free)), { maxRetries: 0 })
    .limits()
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'network_error' });
  expect(String(failure)).toMatch(new RegExp(`fetch failed: connect ECONNREFUSED 127\\.0\\.0\\.1:${free}$`));
});

it.each(['', '/', '//', '/?', '/#', '/a b', ' '])(
  'takes a URL as others read it: with "%s" behind it',
  async (rest) => {
    const { url, seen } = await scripted(json({}));
    await clientOf(` ${url}${rest}`).limits();
    expect(seen[0]?.path).toBe(rest === '/a b' ? '/a%20b/v1/limits' : '/v1/limits');
  },
);

describe('a program that is wrong is told so by a TypeError', () => {
  const url = 'http://localhost';
  it.each<[string, () => unknown, string]>([
    ['no URL', () => clientOf('localhost'), 'Invalid URL'],
    ['another protocol', () => clientOf('ftp://localhost'), 'url begins with http:// or https://'],
    ['a URL with a query', () => clientOf(`${url}/?a=1`), 'url is followed by paths: it has no ?a=1'],
    [
      'retries that are no number',
      () => clientOf(url, { maxRetries: NaN }),
      'a whole number from 0: got NaN',
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it('a URL with a password, without telling it', () => {
    const make = () => clientOf('https://user:secret@localhost');
    expect(make).toThrow(new TypeError('url has no name and no password: the key is enough'));
  });

  it('a key that is none, without telling it', () => {
    for (const key of ['pincex_id_secret\nX', 'secret', undefined as unknown as string]) {
      const make = () => new PincexClient({ url, key });
      expect(make).toThrow(new TypeError('key is an API key, pincex_<id>_<secret>'));
    }
  });

  it.each([0, -1, NaN])('no time at all: %s ms', async (timeoutMs) => {
    const client = clientOf(url, { timeoutMs });
    await expect(client.limits()).rejects.toThrow(TypeError);
    await expect(client.streamOrders()[Symbol.asyncIterator]().next()).rejects.toThrow(TypeError);
  });

  it.each(['', 'ключ', 'b'])('a batch id that is none: "%s"', async (batchId) => {
    const writing = clientOf(url).batchDeposit(DEPOSIT, { batchId });
    await expect(writing).rejects.toThrow(new TypeError(`batchId is a UUID: got "${batchId}"`));
  });

  it.each(['', 'ключ'])('an idempotency key that cannot be sent: "%s"', async (idempotencyKey) => {
    const writing = clientOf(url).batchDeposit(DEPOSIT, { idempotencyKey });
    await expect(writing).rejects.toThrow(/one or more characters, all of printable ASCII/);
  });
});

describe('a pause', () => {
  it('is any time up to a bound that doubles until it is five seconds', () => {
    const bounds = [0, 1, 2, 3, 10, 1_000].map((retry) => pauseMs(retry, 0, () => 1));
    expect(bounds).toEqual([100, 200, 400, 800, 5_000, 5_000]);
    expect(pauseMs(3, 0, () => 0)).toBe(0);
    expect(pauseMs(3, 0, () => 0.5)).toBe(400);
  });

  it('is all behind what the service asked for', () => {
    expect(pauseMs(0, 2_000, () => 0)).toBe(2_000);
    expect(pauseMs(0, 2_000, () => 1)).toBe(2_100);
  });

  it('reads Retry-After in seconds and as a date, and takes nonsense for none', () => {
    const now = Date.parse('2030-01-31T12:00:00Z');
    expect(readRetryAfter('7', now)).toBe(7_000);
    expect(readRetryAfter('Thu, 31 Jan 2030 12:00:09 GMT', now)).toBe(9_000);
    expect(readRetryAfter('Thu, 31 Jan 2030 11:00:00 GMT', now)).toBe(0);
    expect(readRetryAfter('soon', now)).toBe(0);
    expect(readRetryAfter(null, now)).toBe(0);
  });
});

describe('a stream', () => {
  const line = (n: number) => `${JSON.stringify({ cursor: `c${n}`, row: { userId: `é${n}` } })}\n`;
  const END = '{"end":true}\n';
  const read = async (stream: AsyncIterable<{ userId: string }>) => {
    const users: string[] = [];
    for await (const { userId } of stream) users.push(userId);
    return users;
  };

  it('goes on behind the last row when it was cut: in a line, and between lines', async () => {
    const { url, seen } = await scripted(
      lines(line(1) + line(2) + line(3).slice(0, 10), 'cut'),
      drop,
      lines(line(3), 'end'),
      problem(503, 'overloaded', { retryable: true }),
      lines(line(4) + END, 'end'),
    );
    expect(await read(clientOf(url).streamAccounts())).toEqual(['é1', 'é2', 'é3', 'é4']);
    expect(seen.map(({ path }) => path)).toEqual([
      '/v1/stream/accounts',
      '/v1/stream/accounts?after=c2',
      '/v1/stream/accounts?after=c2',
      '/v1/stream/accounts?after=c3',
      '/v1/stream/accounts?after=c3',
    ]);
  });

  it('is cut as often as it likes while rows come', async () => {
    const cuts = [1, 2, 3, 4, 5, 6].map((n) => lines(line(n), 'end'));
    const { url } = await scripted(...cuts, lines(END, 'end'));
    expect(await read(clientOf(url, { maxRetries: 1 }).streamAccounts())).toHaveLength(6);
  });

  it('fails when nothing comes any more; its cursor is right then', async () => {
    const { url, seen } = await scripted(lines(line(1), 'cut'), drop);
    const stream = clientOf(url, { maxRetries: 2 }).streamAccounts();
    await expect(read(stream)).rejects.toMatchObject({ code: 'network_error' });
    expect(stream.cursor).toBe('c1');
    expect(seen).toHaveLength(3);
  });

  it('makes a new connection when the rows stop coming', async () => {
    const stall: Step = (response) => response.writeHead(200).write(line(1));
    const { url, seen } = await scripted(stall, lines(line(2) + END, 'end'));
    expect(await read(clientOf(url).streamAccounts({ timeoutMs: 200 }))).toEqual(['é1', 'é2']);
    expect(seen).toHaveLength(2);
  });

  it('closes its connection when the loop is left', async () => {
    let isClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (isClosed = resolve));
    const { url } = await scripted((response) => {
      response.once('close', isClosed);
      response.writeHead(200).write(line(1) + line(2));
    });
    for await (const row of clientOf(url).streamAccounts()) if (row.userId === 'é1') break;
    await closed;
  });

  it('ends with the reason of the caller who gives it up', async () => {
    const { url } = await scripted((response) => response.writeHead(200).write(line(1)));
    const controller = new AbortController();
    const reason = new Error('Enough');
    const stream = clientOf(url).streamAccounts({ signal: controller.signal })[Symbol.asyncIterator]();
    await stream.next();
    controller.abort(reason);
    await expect(stream.next()).rejects.toBe(reason);
  });

  it('is read once', async () => {
    const { url } = await scripted(lines(END, 'end'));
    const stream = clientOf(url).streamAccounts();
    await read(stream);
    await expect(read(stream)).rejects.toThrow('A stream is read once');
  });

  it('puts characters together that came in two pieces', async () => {
    const bytes = Buffer.from(line(1) + END);
    const within = bytes.indexOf(0xc3) + 1;
    const { url } = await scripted((response) => {
      response.write(bytes.subarray(0, within));
      setTimeout(() => response.end(bytes.subarray(within)), 50);
    });
    expect(await read(clientOf(url).streamAccounts())).toEqual(['é1']);
  });
});
