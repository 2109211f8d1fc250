import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BatchResult } from '../../../src/index.ts';
import { limits } from '../../../src/limits.ts';
import { funds, isLong, newUser, useBooks } from '../../support/books.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService } from '../support.ts';
import {
  abandonedLock,
  build,
  callOf,
  chunked,
  dial,
  hold,
  holdTable,
  holdTimers,
  hurry,
  serveImpatiently,
  untilRead,
  useApp,
  type TestApp,
  type Wire,
} from '../wire.ts';

const books = useBooks();
const service = useService(books);
/** The same service, which cuts no client off unless a test makes it do so. */
const patient = useApp(books);

/** How many times a client is answered while it still sends, when it might miss the answer. */
const ROUNDS = isLong ? 50 : 2;

const LOCK = '/v1/funds/batch-lock';
const lock = (userId: string, id: string) => ({ id, userId, currency: 'USD', amount: '1', orderId: id });

type Batch = Pick<BatchResult<unknown>, 'batchId' | 'status' | 'counts'>;

interface ProblemBody {
  readonly code: string;
  readonly detail: string;
  readonly batchId?: string;
}

/** The statuses of all answers that have come. */
const statusesOf = ({ received }: Wire): (string | undefined)[] =>
  [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);

/** The outcome of a batch that has begun, once it has ended. */
async function outcome(batchId: string): Promise<Batch> {
  let batch: Batch | undefined;
  await until('the outcome', async () => {
    const answer = await service.get<Batch>(`/v1/batches/${batchId}`);
    if (answer.status === 200) batch = answer.body;
    else expect(answer.status).toBe(202);
    return batch !== undefined;
  });
  return batch!;
}

describe('a connection that breaks', () => {
  it('a connection that breaks within a body executes nothing, and other calls do not notice', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const batch = { items: [lock(userId, 'a')], batchId: randomUUID() };
    const { head, body } = callOf(LOCK, service.key, batch);
    // With all of the body but its last byte; with half of it; with none of it.
    for (const length of [body.length - 1, body.length / 2, 0]) {
      const wire = await dial(service.url);
      wire.send(head + body.slice(0, length));
      await untilRead(service.url);
      wire.hangUp();
    }
    const { status, body: applied } = await service.post<Batch>(LOCK, { items: batch.items });
    expect(status).toBe(200);
    expect(applied).toMatchObject({ status: 'applied', counts: { applied: 1, replayed: 0 } });
    expect((await service.get(`/v1/batches/${batch.batchId}`)).status).toBe(404);
    expect(await funds(books.pincex, userId, 'USD')).toBe('9 / 1');
  });

  it('a connection on which no further request can be read is ended behind the answer to the last whole call', async () => {
    const { url, key } = patient;
    const userId = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, userId);
    const calls = ['a', 'b'].map((id) => callOf(LOCK, key, { items: [lock(userId, id)] }));
    const wire = await dial(url);
    wire.send(calls.map(({ head, body }) => head + body).join(''));
    await held.awaited();
    wire.send(`${chunked(calls[0]!.head)}no chunk\r\n`);
    await untilRead(url);
    await held.release();
    await until('the end of the connection', () => wire.isClosed);
    expect(statusesOf(wire)).toEqual(['200', '200']);
    expect(await funds(books.pincex, userId, 'USD')).toBe('8 / 2');
  });

  it('a connection that breaks between body and answer leaves the batch to be committed, and its outcome can be asked for', async () => {
    const { userId, batchId, held } = await abandonedLock(books, service);
    const running = await service.get(`/v1/batches/${batchId}`);
    expect(running).toMatchObject({ status: 202, body: { batchId, status: 'running' } });
    await held.release();
    expect(await outcome(batchId)).toMatchObject({
      batchId,
      status: 'applied',
      counts: { applied: 1 },
    });
    expect(await funds(books.pincex, userId, 'USD')).toBe('9 / 1');
  });
});

describe('a client that waits for a limited time', () => {
  it('a client whose time is over while its batch runs is told so, and how to ask for the outcome', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, userId);
    const items = [lock(userId, 'a')];
    holdTimers();
    const answer = service.post<ProblemBody>(LOCK, { items }, { 'request-timeout': '20' });
    await held.awaited();
    vi.advanceTimersByTime(20_000);
    const late = await answer;
    expect(late).toMatchObject({ status: 504, body: { code: 'deadline_exceeded', retryable: true } });
    const { batchId = '', detail } = late.body;
    expect(detail).toContain(`/v1/batches/${batchId}`);
    await held.release();
    expect(await outcome(batchId)).toMatchObject({ batchId, status: 'applied' });
    expect(await funds(books.pincex, userId, 'USD')).toBe('9 / 1');
  });

  it('a client whose time is over while it queues is told so, and its batch never begins', async () => {
    const service = await serve(books, { maxConcurrent: 1, queueTimeoutMs: 60_000 });
    const userId = await newUser(books.pincex, { USD: '10' });
    const held = await hold(books, userId);
    const first = service.post<Batch>(LOCK, { items: [lock(userId, 'a')] });
    await held.awaited();
    const batchId = randomUUID();
    const second = { items: [lock(userId, 'b')], batchId };
    const late = await service.post<ProblemBody>(LOCK, second, { 'request-timeout': '0.1' });
    expect(late).toMatchObject({ status: 504, body: { code: 'deadline_exceeded', retryable: true } });
    expect(late.body.detail).toContain('before the call began');
    await held.release();
    expect((await first).body.status).toBe('applied');
    expect((await service.get(`/v1/batches/${batchId}`)).status).toBe(404);
    const again = await service.post<Batch>(LOCK, second);
    expect(again.body).toMatchObject({ batchId, counts: { applied: 1, replayed: 0 } });
  });

  it.each(['/v1/limits', '/v1/batches/none'])(
    'a client whose time is over while its key is looked up is told so: %s',
    async (path) => {
      const authorization = `Bearer ${await makeKey(books.pincex, 'read')}`;
      const held = await holdTable(books, 'api_keys');
      const late = await service.get<ProblemBody>(path, { authorization, 'request-timeout': '0.2' });
      expect(late).toMatchObject({ status: 504, body: { code: 'deadline_exceeded', retryable: true } });
      expect(late.body.detail).toContain('before the call began');
      await held.release();
      expect((await service.get('/v1/limits', { authorization, 'request-timeout': '60' })).status).toBe(200);
    },
  );
});

it('no call waits for ever for its key to be looked up, whatever its client says', async () => {
  const authorization = `Bearer ${await makeKey(books.pincex, 'read')}`;
  const held = await holdTable(books, 'api_keys');
  holdTimers();
  const answer = service.get<ProblemBody>('/v1/limits', { authorization });
  await held.awaited();
  vi.advanceTimersByTime(limits.apiKeys.lookupMs);
  const { status, body } = await answer;
  expect([status, body.code]).toEqual([503, 'overloaded']);
  await held.release();
});

describe('a call that is refused before its body has come', () => {
  const HEAD = `POST ${LOCK} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`;

  async function refused(url: string): Promise<Wire> {
    const wire = await dial(url);
    wire.send(HEAD);
    await until('the answer', () => wire.received.includes('"unauthorized"'));
    return wire;
  }

  it('a call that was refused early gets no second answer where the rest of it is no body', async () => {
    const wire = await refused(patient.url);
    wire.send('these are no chunks\r\n');
    await until('the end of the connection', () => wire.isClosed);
    expect(statusesOf(wire)).toEqual(['401']);
  });

  it('a call that was refused early gets no second answer where the rest of it does not come', async () => {
    const { app, url } = await serveImpatiently(books, {});
    const wire = await refused(url);
    hurry(app, 1);
    await until('the end of the connection', () => wire.isClosed);
    expect(statusesOf(wire)).toEqual(['401']);
  });

  it('a call that was refused early leaves its connection to the next one', async () => {
    const { url } = patient;
    const wire = await refused(url);
    wire.send('3\r\nabc\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('the next answer', () => wire.received.includes('{"status":"ok"}'));
    wire.send('nonsense\r\n\r\n');
    await until('the end of the connection', () => wire.isClosed);
    expect(statusesOf(wire)).toEqual(['401', '200', '400']);
  });

  it('once the rest of a call that was refused early has come, the next request is read', async () => {
    const { url } = patient;
    const wire = await refused(url);
    wire.send('0\r\n\r\nnonsense\r\n\r\n');
    await until('the end of the connection', () => wire.isClosed);
    expect(statusesOf(wire)).toEqual(['401', '400']);
  });
});

describe('an answer that is given before the whole request was sent', () => {
  const MANY = 'x'.repeat(4 * 1_048_576);

  it('an answer to a body that is too large arrives, whether the length of the body was told or not', async () => {
    const { url, key } = patient;
    const { head } = callOf(LOCK, key, {});
    for (let n = 0; n < ROUNDS; n++) {
      const told = await dial(url);
      told.send(head.replace(/Content-Length: \d+/, `Content-Length: ${MANY.length}`));
      told.send(MANY);
      const untold = await dial(url);
      untold.send(chunked(head));
      untold.send(`${MANY.length.toString(16)}\r\n${MANY}\r\n0\r\n\r\n`);
      for (const wire of [told, untold]) {
        await until('the answer', () => wire.received.includes('"body_too_large"'));
        wire.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
        await until('the next answer', () => wire.received.includes('{"status":"ok"}'));
        expect(statusesOf(wire)).toEqual(['413', '200']);
      }
    }
  });

  it.each([
    ['that asked for its connection to be closed', 'HTTP/1.1\r\nConnection: close\r\n'],
    ['that speaks HTTP/1.0', 'HTTP/1.0\r\n'],
  ])(
    'an early answer arrives at a client %s, and that reads nothing until it has sent all',
    async (_, version) => {
      const { url, key } = patient;
      for (const [path, authorization, status] of [
        [LOCK, key, '413'],
        [LOCK, 'nobody', '401'],
        ['/%zz', key, '400'],
      ] as const) {
        const { head } = callOf(path, authorization, {});
        const wire = await dial(url);
        wire.pause();
        wire.send(
          head
            .replace('HTTP/1.1\r\n', version)
            .replace(/Content-Length: \d+/, `Content-Length: ${2 * MANY.length}`),
        );
        for (let half = 0; half < 2; half++) {
          await wire.sent(MANY);
          await untilRead(url);
        }
        wire.resume();
        await until('the end of the connection', () => wire.isClosed);
        expect(statusesOf(wire)).toEqual([status]);
        expect(wire.received).toMatch(/\r\nconnection: close\r\n/i);
      }
    },
  );

  it('an early answer arrives at a client that never stops sending, and that is cut off after a while', async () => {
    const { url, key } = patient;
    const { head } = callOf(LOCK, key, {});
    holdTimers();
    const wire = await dial(url, true);
    wire.send(
      head.replace('\r\n', '\r\nConnection: close\r\n').replace(/(Length: )\d+/, `$1${2 * MANY.length}`),
    );
    await until('the answer', () => wire.received.includes('"body_too_large"'));
    for (let n = 0; n < 3; n++) {
      await wire.sent('x');
      await untilRead(url);
    }
    expect(wire.isClosed).toBe(false);
    vi.advanceTimersByTime(2_000);
    await until('the end of the connection', () => {
      if (!wire.isClosed) wire.send('x');
      return wire.isClosed;
    });
    expect(statusesOf(wire)).toEqual(['413']);
  });

  it.each([
    ['the headers are too large', `GET / HTTP/1.1\r\na: ${MANY}`, '431'],
    ['the request is no HTTP', `${MANY}\r\n\r\n`, '400'],
  ])('an early answer arrives when %s', async (_, sent, status) => {
    const { url } = patient;
    for (let n = 0; n < ROUNDS; n++) {
      const wire = await dial(url);
      wire.send(sent);
      await until('the end of the connection', () => wire.isClosed);
      expect(statusesOf(wire)).toEqual([status]);
    }
  });
});

it('a body that comes byte by byte is read as the same body', async () => {
  const userId = await newUser(books.pincex, { USD: '10' });
  const { head, body } = callOf(LOCK, service.key, {
    items: [lock(userId, 'é'), lock(userId, 'b'.repeat(128))],
  });
  const bytes = Array.from(Buffer.from(body), (byte) => `1\r\n${String.fromCharCode(byte)}\r\n`);
  const wire = await dial(service.url);
  wire.send(Buffer.from(`${chunked(head)}${bytes.join('')}0\r\n\r\n`, 'latin1'));
  await until('the answer', () => wire.received.includes('"counts"'));
  expect(wire.received).toContain('"applied":2');
});

describe('clients that are slow on purpose', () => {
  /** Another client is served meanwhile. */
  async function expectServed({ url, key }: TestApp): Promise<void> {
    const response = await fetch(`${url}/v1/limits`, { headers: { authorization: `Bearer ${key}` } });
    expect(response.status).toBe(200);
  }

  it.each(['headers', 'a body'])(
    'clients that send %s byte by byte are cut off, and others are served meanwhile',
    async (what) => {
      const slow = await serveImpatiently(books, {});
      const { app, url, key } = slow;
      const userId = await newUser(books.pincex, { USD: '10' });
      const { head, body } = callOf(LOCK, key, { items: [lock(userId, 's'.repeat(128))] });
      const wires = await Promise.all(Array.from({ length: 50 }, () => dial(url)));
      const [sent, dribbled] = what === 'headers' ? ['', head] : [head, body];
      let position = 0;
      const dribble = setInterval(() => {
        // The last byte never comes, so that no call is ever whole.
        if (position === dribbled.length - 1) return;
        for (const wire of wires) if (!wire.isClosed) wire.send(dribbled[position]!);
        position++;
      }, 20);
      onTestFinished(() => {
        clearInterval(dribble);
      });
      for (const wire of wires) wire.send(sent);
      await until('some of it to be sent', () => position > 3);
      await expectServed(slow);
      expect(wires.some((wire) => wire.isClosed)).toBe(false);
      // The time is counted from the first byte of a request, so that another byte now and then does not help.
      hurry(app, 200);
      await until('all of them to be cut off', () => wires.every((wire) => wire.isClosed));
      for (const { received } of wires) expect(received).toMatch(/^HTTP\/1\.1 408 /);
      expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
    },
  );

  it('clients that send nothing, by the hundred, disturb nobody and are cut off', async () => {
    const slow = await serveImpatiently(books, {});
    const wires = await Promise.all(Array.from({ length: 500 }, () => dial(slow.url)));
    await expectServed(slow);
    hurry(slow.app, 1);
    await until('all of them to be cut off', () => wires.every((wire) => wire.isClosed));
  });

  it('a client that keeps an idle connection loses it', async () => {
    const { url } = await serveImpatiently(books, { idleMs: 100 });
    const wire = await dial(url);
    wire.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('the answer', () => wire.received.endsWith('{"status":"ok"}'));
    await until('the end of the connection', () => wire.isClosed);
  });

  it.each([
    ['http', null],
    ['https', { cert: '', key: '' }],
  ])('the timeouts of production cut off slow clients, too, over %s', async (_, tls) => {
    const app = await build(books, { tls });
    onTestFinished(() => app.close());
    // To wait for these timeouts would take as long as real clients are given.
    const { headersTimeout, requestTimeout, keepAliveTimeout } = app.server;
    expect([headersTimeout, requestTimeout, keepAliveTimeout]).toEqual([10_000, 30_000, 65_000]);
  });
});
