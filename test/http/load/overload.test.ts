import autocannon from 'autocannon';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiKeys } from '../../../src/apiKeys/store.ts';
import { Admission } from '../../../src/http/load/admission.ts';
import type { BatchResult } from '../../../src/index.ts';
import { fresh, funds, isLong, newUser, useBooks } from '../../support/books.ts';
import { holdTimers } from '../../support/clock.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService, type Answer, type TestService } from '../support.ts';
import { callOf, chunked, dial, getOf, hold, holdTable, type Wire } from '../wire.ts';

const books = useBooks();

/** How many calls make a long overload. */
const CALLS = isLong ? 50_000 : 600;

const LOCK = '/v1/funds/batch-lock';
const lock = (userId: string, id: string) => ({ id, userId, currency: 'USD', amount: '1', orderId: id });

type Batch = Pick<BatchResult<unknown>, 'status' | 'counts'>;

interface ProblemBody {
  readonly code: string;
  readonly retryable: boolean;
}

/** The ids of a user's operations, each as often as it stands in the journal. */
async function journal(userId: string): Promise<string[]> {
  const rows = await books.sql<{ operation_id: string }>(
    'SELECT operation_id FROM journal WHERE user_id = $1 ORDER BY operation_id',
    [userId],
  );
  return rows.map(({ operation_id }) => operation_id).filter((id) => !id.startsWith('funds-'));
}

/** Every batch read, and a body that asks for so many things. */
const READS: readonly (readonly [path: string, body: (count: number) => object])[] = [
  ['/v1/accounts/batch-get', (count) => ({ userIds: ids(count), currencies: ['USD'] })],
  ['/v1/orders/batch-get', (count) => ({ ids: ids(count) })],
  ['/v1/users/orders/batch-get', (count) => ({ userIds: ids(count) })],
  ['/v1/trades/batch-get', (count) => ({ orderIds: ids(count) })],
  ['/v1/order-books/batch-get', (count) => ({ symbols: ids(count).map(() => 'BTC/USD') })],
];

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `id-${n}`);

describe('more calls than the service takes', () => {
  it('calls beyond the places are refused at once, and all calls that have a place come through', async () => {
    const service = await serve(books, { maxConcurrent: 2, maxWaiting: 3, queueTimeoutMs: 60_000 });
    const userId = await newUser(books.pincex, { USD: '100' });
    const held = await hold(books, userId);
    let refusals = 0;
    const calls = Array.from({ length: 20 }, async (_, n): Promise<[string, Answer<Batch & ProblemBody>]> => {
      const id = `item-${n}`;
      const answer = await service.post<Batch & ProblemBody>(LOCK, { items: [lock(userId, id)] });
      // The last refusal lets the others go on, so that no refused call waits for them.
      if (answer.status === 503 && ++refusals === 15) await held.release();
      return [id, answer];
    });
    const answers = await Promise.all(calls);
    const accepted = answers.filter(([, { status }]) => status === 200);
    const refused = answers.filter(([, { status }]) => status === 503);
    expect([accepted.length, refused.length]).toEqual([5, 15]);
    for (const [, { body }] of accepted) expect(body).toMatchObject({ status: 'applied' });
    for (const [, { headers, body }] of refused) {
      expect(headers.get('retry-after')).toBe('1');
      expect(body).toMatchObject({ code: 'overloaded', retryable: true });
    }
    expect(await journal(userId)).toEqual(accepted.map(([id]) => id).sort());
    const [id] = refused[0]!;
    const again = await service.post<Batch>(LOCK, { items: [lock(userId, id)] });
    expect(again.body.counts).toMatchObject({ applied: 1, replayed: 0 });
  });

  it('calls that wait for too long are refused and never begun', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 5, queueTimeoutMs: 100 });
    const userId = await newUser(books.pincex, { USD: '100' });
    const held = await hold(books, userId);
    const first = service.post<Batch>(LOCK, { items: [lock(userId, 'first')] });
    await held.awaited();
    const second = await service.post<ProblemBody>(LOCK, { items: [lock(userId, 'second')] });
    expect([second.status, second.body.code]).toEqual([503, 'overloaded']);
    expect(second.headers.get('retry-after')).toBe('1');
    await held.release();
    expect((await first).body.status).toBe('applied');
    expect(await journal(userId)).toEqual(['first']);
  });

  it('reads take turns with all other calls', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 0 });
    const userId = await newUser(books.pincex, { USD: '100' });
    const held = await hold(books, userId);
    const first = service.post<Batch>(LOCK, { items: [lock(userId, 'first')] });
    await held.awaited();
    for (const [path, body] of READS) {
      const refused = await service.post<ProblemBody>(path, body(1));
      expect([path, refused.status, refused.body.code]).toEqual([path, 503, 'overloaded']);
    }
    await held.release();
    expect((await first).status).toBe(200);
    for (const [path, body] of READS) {
      await until(`${path} to be answered`, async () => (await service.post(path, body(1))).status === 200);
    }
  });

  it('bodies are parsed in the turns of their calls', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 1, queueTimeoutMs: 60_000 });
    const userId = await newUser(books.pincex, { USD: '100' });
    const held = await hold(books, userId);
    const first = service.post(LOCK, { items: [lock(userId, 'first')] });
    await held.awaited();
    const malformed = service.post(LOCK, { items: 'none' });
    await until('it to wait', async () => {
      const refused = await service.post<ProblemBody>(LOCK, { items: 'none' });
      return refused.body.code === 'overloaded';
    });
    await held.release();
    expect((await first).status).toBe(200);
    expect((await malformed).status).toBe(400);
  });

  it('a key that was just refused is told its refusals one after the other, and other keys are told at once', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 0 });
    const other = { authorization: `Bearer ${await makeKey(books.pincex, 'funds:write')}` };
    const userId = await newUser(books.pincex, { USD: '100' });
    const held = await hold(books, userId);
    const first = service.post(LOCK, { items: [lock(userId, 'first')] });
    await held.awaited();
    const timers = holdTimers(1_000);
    const refused = (headers = {}) => service.post(LOCK, { items: [] }, headers);
    expect((await refused()).status).toBe(503);
    const next = refused();
    await until('it to be held', () => timers.count === 1);
    expect((await refused(other)).status).toBe(503);
    expect(timers.count).toBe(1);
    timers.fire();
    expect((await next).status).toBe(503);
    await held.release();
    expect((await first).status).toBe(200);
  });

  it('through a long overload each accepted call stands in the journal once, and no refused one does', async () => {
    const [maxConcurrent, maxWaiting] = [2, 4];
    // Each connection has one call under way: twice as many as may run and wait.
    const connections = 2 * (maxConcurrent + maxWaiting);
    const service = await serve(books, { maxConcurrent, maxWaiting });
    const userId = await newUser(books.pincex, { USD: '1000000' });
    const most = { running: 0, waiting: 0 };
    const enter = vi.spyOn(Admission.prototype, 'enter');
    onTestFinished(() => {
      enter.mockRestore();
    });
    const accepted: string[] = [];
    const refused: string[] = [];
    const seen = new Set<string>();
    const load = autocannon({
      url: `${service.url}${LOCK}`,
      connections,
      amount: CALLS,
      requests: [
        {
          method: 'POST',
          headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/json' },
          setupRequest(request, context: { id?: string }) {
            context.id = fresh('item');
            return { ...request, body: JSON.stringify({ items: [lock(userId, context.id)] }) };
          },
          onResponse(status, body, context: { id?: string }) {
            const { status: outcome, code = '' } = JSON.parse(body) as {
              status?: string;
              code?: string;
            };
            seen.add(`${outcome} ${code}`);
            (status === 200 ? accepted : refused).push(context.id!);
            for (const admission of new Set(enter.mock.contexts as Admission[])) {
              const { running, waiting } = admission.load;
              most.running = Math.max(most.running, running);
              most.waiting = Math.max(most.waiting, waiting);
            }
            enter.mockClear();
          },
        },
      ],
    });
    const { errors, timeouts } = await load;
    expect({ errors, timeouts }).toEqual({ errors: 0, timeouts: 0 });
    expect(accepted.length).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThan(0);
    expect(seen).toEqual(new Set(['applied ', '503 overloaded']));
    // A quarter of the places to wait is kept for other keys.
    expect(most).toEqual({ running: maxConcurrent, waiting: maxWaiting - 1 });

    // After the overload there is room again.
    expect((await service.post(LOCK, { items: [lock(userId, 'after')] })).status).toBe(200);
    await service.stop();
    const written = await journal(userId);
    expect(written).toEqual([...accepted, 'after'].sort());
    expect(accepted.length + refused.length).toBe(CALLS);
    expect(await funds(books.pincex, userId, 'USD')).toBe(
      `${1_000_000 - written.length} / ${written.length}`,
    );
  });
});

describe('calls whose body does not come', () => {
  const half = async (service: TestService, key: string): Promise<Wire> => {
    const { head, body } = callOf(LOCK, key, { items: [lock('nobody', 'a')] });
    const wire = await dial(service.url);
    wire.send(head + body.slice(0, -1));
    return wire;
  };

  it('calls whose body does not come are bounded: one more is refused at once, and a client that hangs up makes room', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 1 });
    const wires = await Promise.all([1, 2, 3, 4].map(() => half(service, service.key)));
    await until('one to be refused', () => wires.some(({ received }) => received.includes(' 503 ')));
    expect(wires.filter(({ received }) => received === '')).toHaveLength(3);
    const refused = await service.get<ProblemBody>('/v1/limits');
    expect(refused.status).toBe(503);
    expect(refused.body).toMatchObject({ code: 'overloaded', retryable: true });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await service.get('/healthz')).status).toBe(200);
    for (const wire of wires) wire.hangUp();
    await until('the places to be free', async () => (await service.get('/v1/limits')).status === 200);
  });

  it('calls of one key whose body does not come leave as many places to other keys', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 0 });
    const wires = await Promise.all([1, 2, 3].map(() => half(service, service.key)));
    await until('one to be refused', () => wires.some(({ received }) => received.includes(' 503 ')));
    const authorization = `Bearer ${await makeKey(books.pincex, 'read')}`;
    expect((await service.get('/v1/limits', { authorization })).status).toBe(200);
    expect((await service.get('/v1/limits')).status).toBe(503);
  });

  it('a body is waited for no longer than the client says', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 0 });
    const { head, body } = callOf(LOCK, service.key, { items: [lock('nobody', 'a')] });
    const wire = await dial(service.url);
    wire.send(head.replace('\r\n\r\n', '\r\nRequest-Timeout: 0.2\r\n\r\n') + body.slice(0, -1));
    await until('the answer', () => wire.received.includes('deadline_exceeded'));
    expect(wire.received).toMatch(/^HTTP\/1\.1 504 /);
    // The rest of the body is skipped, and the connection is good for the next call.
    wire.send(body.slice(-1) + getOf('/v1/limits', service.key));
    await until('the next answer', () => wire.received.includes('"batchItems"'));
  });

  it.each([
    ['by their length', (head: string) => head],
    ['as they come, where their length is not told', chunked],
  ])('bodies of one key take no more than a share of the memory, counted %s', async (_, as) => {
    const bodyLimit = 40 * 1_048_576;
    const service = await serve(books, { bodyLimit, maxConcurrent: 100, itemsPerSecond: null });
    const other = await makeKey(books.pincex, 'read', 'funds:write');
    const length = 30 * 1_048_576;
    const { head } = callOf(LOCK, service.key, { items: [] });
    const begin = as(head.replace(/Content-Length: \d+/, `Content-Length: ${length}`));
    const isChunked = begin !== head && begin.includes('chunked');
    const wires = await Promise.all([1, 2, 3].map(() => dial(service.url)));
    for (const wire of wires) {
      wire.send(begin);
      if (isChunked) wire.send(`${length.toString(16)}\r\n${' '.repeat(length - 1)}`);
      else wire.send(' ');
    }
    await until('two of them to be refused', () => wires.filter(({ received }) => received).length === 2);
    for (const { received } of wires) expect(received).toMatch(/^(HTTP\/1\.1 503 [^]*overloaded[^]*)?$/);
    const { status } = await service.post(LOCK, { items: [] }, { authorization: `Bearer ${other}` });
    expect(status).toBe(200);
    for (const wire of wires) wire.hangUp();
    await until('there to be room', async () => (await service.post(LOCK, { items: [] })).status === 200);
  });

  it('calls without a valid key take no place', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 0 });
    const wires = await Promise.all([1, 2, 3].map(() => half(service, 'none')));
    await until('them to be refused', () => wires.every(({ received }) => received.includes(' 401 ')));
    expect((await service.get('/v1/limits')).status).toBe(200);
  });
});

it('a client that hangs up while its key is looked up takes no place', async () => {
  const service = await serve(books, { maxConcurrent: 1, maxWaiting: 0 });
  const key = await makeKey(books.pincex, 'read');
  const held = await holdTable(books, 'api_keys');
  const wires = await Promise.all([1, 2, 3].map(() => dial(service.url)));
  for (const wire of wires) wire.send(getOf('/v1/limits', key));
  await held.awaited();
  await fetch(`${service.url}/healthz`);
  for (const wire of wires) wire.hangUp();
  await fetch(`${service.url}/healthz`);
  await held.release();
  const read = await service.get('/v1/limits', { authorization: `Bearer ${key}` });
  expect(read.status).toBe(200);
});

describe('a client that pipelines and hangs up', () => {
  it('a client that pipelines and hangs up gives back the places of all its calls, also of those that waited behind others', async () => {
    const service = await serve(books, { maxConcurrent: 1, maxWaiting: 1 });
    const userId = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, userId);
    const { head, body } = callOf(LOCK, service.key, { items: [lock(userId, 'a')] });
    const wire = await dial(service.url);
    const behind = [getOf('/v1/none', service.key), getOf('/v1/stream/journal', service.key)];
    wire.send(head + body + behind.join(''));
    await held.awaited();
    await until('its stream to be open', async () => (await service.get('/v1/stream/trades')).status === 503);
    wire.hangUp();
    await held.release();
    await until('its places to be free', async () => (await service.get('/v1/stream/trades')).status === 200);
    const calls = [1, 2, 3].map(() => callOf(LOCK, service.key, { items: [] }));
    const wires = await Promise.all(calls.map(() => dial(service.url)));
    for (const [n, { head, body }] of calls.entries()) wires[n]!.send(head + body.slice(0, -1));
    await until('all of them to be in hand', async () => (await service.get('/v1/limits')).status === 503);
    for (const { received } of wires) expect(received).toBe('');
  });
});

describe('more streams than the service takes', () => {
  it('streams beyond the places are refused at once, calls go on beside them, and a client that hangs up makes room', async () => {
    const service = await serve(books, { maxConcurrent: 1 });
    const userId = await newUser(books.pincex, { USD: '100' });
    const held = await holdTable(books, 'journal');
    const wire = await dial(service.url);
    wire.send(getOf('/v1/stream/journal', service.key));
    await held.awaited();
    const refused = await service.get<ProblemBody>('/v1/stream/trades');
    expect([refused.status, refused.body.code]).toEqual([503, 'overloaded']);
    expect(refused.headers.get('retry-after')).toBe('1');
    const read = await service.post('/v1/accounts/batch-get', { userIds: [userId], currencies: ['USD'] });
    expect(read.status).toBe(200);
    wire.hangUp();
    await held.release();
    await until('the place to be free', async () => (await service.get('/v1/stream/trades')).status === 200);
  });
});

describe('a key that sends more items than it may', () => {
  const service = useService(books, { itemsPerSecond: 10 });

  it('a key that sends more items than it may is refused as a whole, told when to come back, and served then', async () => {
    // Windows are a second long: the next one begins where the clock is moved.
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    // In the library that remembers refusals, an entry from time 0 never expires.
    vi.advanceTimersByTime(1);
    const userId = await newUser(books.pincex, { USD: '100' });
    const store = new ApiKeys(service.pincex.session);
    const { key } = await store.create({ name: 'limited', scopes: ['funds:write'], rateLimit: 10 });
    const headers = { authorization: `Bearer ${key}` };
    const send = (prefix: string, count: number) => {
      const items = Array.from({ length: count }, (_, n) => lock(userId, `${prefix}-${n}`));
      return service.post<Batch & ProblemBody>(LOCK, { items }, headers);
    };
    const first = await send('a', 8);
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit-policy')).toBe('"items";q=10;w=1');
    expect(first.headers.get('ratelimit')).toBe('"items";r=2;t=1');

    const refused = await send('b', 8);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(refused.headers.get('retry-after')).toBe('1');
    // The refused call has taken one item all the same.
    expect(refused.headers.get('ratelimit')).toBe('"items";r=1;t=1');
    expect((await journal(userId)).filter((id) => id.startsWith('b-'))).toEqual([]);

    // Another key has items of its own.
    expect((await service.post<Batch>(LOCK, { items: [lock(userId, 'd')] })).status).toBe(200);

    vi.advanceTimersByTime(999);
    expect((await send('b', 8)).status).toBe(429);
    vi.advanceTimersByTime(1);
    expect((await send('b', 8)).body).toMatchObject({ status: 'applied', counts: { applied: 8 } });
  });

  it('a call for more items than the limit is refused and is not retryable', async () => {
    for (const [path, body] of READS) {
      const { status, body: problem } = await service.post<ProblemBody>(path, body(11));
      expect([path, status, problem.code, problem.retryable]).toEqual([path, 429, 'rate_limited', false]);
    }
    const items = Array.from({ length: 11 }, (_, n) => lock('someone', `item-${n}`));
    const never = await service.post<ProblemBody>(LOCK, { items });
    expect([never.status, never.body.code, never.body.retryable]).toEqual([429, 'rate_limited', false]);
    expect(never.headers.get('retry-after')).toBeNull();
  });
});
