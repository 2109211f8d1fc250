import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiKeys } from '../../../src/apiKeys/store.ts';
import { Leases } from '../../../src/requests/leases.ts';
import { PincexError } from '../../../src/index.ts';
import { limits } from '../../../src/limits.ts';
import { fresh, funds, newUser, useBooks } from '../../support/books.ts';
import { holdWindows } from '../../support/clock.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService, type TestService } from '../support.ts';
import { callOf, dial, hold, holdTable } from '../wire.ts';

const books = useBooks();
const service = useService(books);

const LOCK = '/v1/funds/batch-lock';
const lock = (userId: string, id: string) => ({ id, userId, currency: 'USD', amount: '1', orderId: id });

interface Batch {
  readonly batchId: string;
  readonly code?: string;
}

describe('the outcome of a batch', () => {
  it('the outcome of a batch can be asked for at once by the key that made it, and by no other', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const [maker, other] = [await makeKey(books.pincex, 'funds:write'), await makeKey(books.pincex, 'read')];
    const as = (key: string) => ({ authorization: `Bearer ${key}` });
    for (let n = 0; n < 5; n++) {
      const made = await service.post<Batch>(LOCK, { items: [lock(userId, `item-${n}`)] }, as(maker));
      const path = `/v1/batches/${made.body.batchId}`;
      const [own, foreign] = [await service.get(path, as(maker)), await service.get(path, as(other))];
      expect([own.status, own.text, foreign.status]).toEqual([200, made.text, 404]);
    }
  });

  it('two keys that give their batches the same id each get their own outcome, and neither hears of the other', async () => {
    const [one, other] = [
      await makeKey(books.pincex, 'funds:write'),
      await makeKey(books.pincex, 'funds:write'),
    ];
    const as = (key: string) => ({ authorization: `Bearer ${key}` });
    const batchId = randomUUID();
    const outcomes = [];
    for (const key of [one, other]) {
      const userId = await newUser(books.pincex);
      const body = { items: [{ id: 'd', userId, currency: 'USD', amount: '1' }], batchId };
      const before = await service.get(`/v1/batches/${batchId}`, as(key));
      expect(before.status).toBe(404);
      const { status, text } = await service.post('/v1/funds/batch-deposit', body, as(key));
      expect(status).toBe(200);
      const reused = await service.post('/v1/funds/batch-deposit', { ...body, items: [] }, as(key));
      expect(reused).toMatchObject({ status: 422, body: { code: 'batch_id_reused' } });
      outcomes.push({ key, text });
    }
    for (const { key, text } of outcomes)
      expect((await service.get(`/v1/batches/${batchId}`, as(key))).text).toBe(text);
    // An admin without such a batch is told the older one.
    expect((await service.get(`/v1/batches/${batchId}`)).text).toBe(outcomes[0]!.text);
  });

  it('an outcome costs the KiB of its answer each time that a key asks for it', async () => {
    const { post, get, pincex } = await serve(books);
    const store = new ApiKeys(pincex.session);
    const { key } = await store.create({ name: 'few', scopes: ['funds:write'], rateLimit: 10_000 });
    const authorization = `Bearer ${key}`;
    const items = Array.from({ length: 1_000 }, (_, n) => lock('nobody', `item-${n}`));
    holdWindows();
    const made = await post<Batch>(LOCK, { items }, { authorization });
    const cost = Math.ceil(made.text.length / limits.http.bytesOfItem);
    expect(cost).toBeGreaterThan(10);
    for (const times of [1, 2]) {
      const told = await get(`/v1/batches/${made.body.batchId}`, { authorization });
      expect(told.text).toBe(made.text);
      expect(told.headers.get('RateLimit')).toBe(`"items";r=${10_000 - items.length - times * cost};t=1`);
    }
  });

  it('a batch id means the same batch in upper and lower case', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const batchId = randomUUID();
    const items = [lock(userId, 'a')];
    const made = await service.post<Batch>(LOCK, { items, batchId: batchId.toUpperCase() });
    expect(made.body.batchId).toBe(batchId);
    for (const id of [batchId, batchId.toUpperCase()]) {
      expect((await service.get(`/v1/batches/${id}`)).text).toBe(made.text);
    }
  });
});

describe('a call of which it is unknown how it ended', () => {
  /** Makes the next locks fail behind their batch, and tells the id of that batch. */
  function failBehind(error: Error): { batchId: string } {
    const { run } = service.pincex;
    const failed = { batchId: '' };
    const spy = vi.spyOn(service.pincex, 'run').mockImplementationOnce(async (...batch) => {
      failed.batchId = (await run(...batch)).batchId;
      throw error;
    });
    onTestFinished(() => {
      spy.mockRestore();
    });
    return failed;
  }

  /** Makes the next locks fail before anything is written. */
  function failAhead(error: Error): void {
    const spy = vi.spyOn(service.pincex, 'run').mockRejectedValueOnce(error);
    onTestFinished(() => {
      spy.mockRestore();
    });
  }

  const keyed = () => ({ 'idempotency-key': `"${fresh('key')}"` });

  describe.each([
    ['outcome_unknown', new PincexError('outcome_unknown', 'It may be written'), 503],
    ['a fault', new TypeError('A fault'), 500],
  ])('a call that fails with %s', (_, error, status) => {
    it('a call whose batch was written returns its outcome, since the answer was written with it', async () => {
      const userId = await newUser(books.pincex, { USD: '100' });
      for (const headers of [{}, keyed()]) {
        const failed = failBehind(error);
        const items = [lock(userId, fresh('a')), lock('nobody', 'b')];
        const answer = await service.post<Batch>(LOCK, { items }, headers);
        const { batchId } = failed;
        expect([answer.status, answer.body.batchId]).toEqual([200, batchId]);
        for (const id of [batchId, batchId.toUpperCase()]) {
          expect(await service.get(`/v1/batches/${id}`)).toMatchObject({
            status: 200,
            body: { batchId, status: 'partial', counts: { applied: 1, rejected: 1 } },
          });
        }
      }
    });

    it('a call whose batch was not written fails, and its outcome is looked up in the books', async () => {
      for (const headers of [{}, keyed()]) {
        failAhead(error);
        const answer = await service.post<Batch>(LOCK, { items: [lock('nobody', 'a')] }, headers);
        expect(answer.status).toBe(status);
        expect(await service.get(`/v1/batches/${answer.body.batchId}`)).toMatchObject({
          status: 200,
          body: { status: 'interrupted', counts: { applied: 0, notApplied: 1 } },
        });
      }
    });
  });

  it('a call of which it is known that nothing was done leaves no trace', async () => {
    failAhead(new PincexError('conflict', 'Lost again and again'));
    const noted = () => books.sql('SELECT batch_id FROM requests ORDER BY batch_id');
    const before = await noted();
    const answer = await service.post<Batch>(LOCK, { items: [] });
    expect([answer.status, answer.body.batchId]).toEqual([409, undefined]);
    expect(await noted()).toEqual(before);
  });

  it('a call that fails before it is certain which batch is meant names none', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const headers = { 'idempotency-key': `"${fresh('key')}"` };
    const items = [lock(userId, 'a')];
    const first = await service.post<Batch>(LOCK, { items }, headers);
    const held = await holdTable(books, 'requests');
    const late = await service.post<Batch>(LOCK, { items }, { ...headers, 'request-timeout': '0.3' });
    expect([late.status, late.body.code, late.body.batchId]).toEqual([504, 'deadline_exceeded', undefined]);
    await held.release();
    expect((await service.post<Batch>(LOCK, { items }, headers)).text).toBe(first.text);
  });
});

it('the lease of a call is dropped once the call has its answer', async () => {
  const [keep, drop] = [vi.spyOn(Leases.prototype, 'keep'), vi.spyOn(Leases.prototype, 'drop')];
  onTestFinished(() => {
    keep.mockRestore();
    drop.mockRestore();
  });
  await service.post(LOCK, { items: [] }, { 'idempotency-key': `"${fresh('key')}"` });
  expect(keep).toHaveBeenCalledOnce();
  expect(drop).toHaveBeenCalledWith(keep.mock.calls[0]![0]);
});

it('a call that another process takes over when its lease has ended is executed by that process alone', async () => {
  const other = await serve(books);
  const userId = await newUser(books.pincex, { USD: '10' });
  const held = await hold(books, userId);
  const batchId = randomUUID();
  const headers = { authorization: `Bearer ${service.key}`, 'idempotency-key': `"${fresh('key')}"` };
  const send = ({ post }: TestService) => post<Batch>(LOCK, { items: [lock(userId, 'a')], batchId }, headers);
  const query = async <Row extends object>(name: string, text: string): Promise<Row[]> =>
    other.pincex.session.query<Row>({ name, text }, [batchId]);
  const runner = async () =>
    (await query<{ run_id: string }>('runner', 'SELECT run_id FROM requests WHERE batch_id = $1'))[0]?.run_id;

  const lost = send(service);
  await held.awaited();
  const first = await runner();
  await query('end-lease', 'UPDATE requests SET lease_until = now() WHERE batch_id = $1');
  const won = send(other);
  await until('the other to take it over', async () => (await runner()) !== first);
  await held.release();

  const answer = await won;
  expect(answer).toMatchObject({ status: 200, body: { batchId, counts: { applied: 1, replayed: 0 } } });
  const { status, text, body } = await lost;
  if (status === 200) expect(text).toBe(answer.text);
  else expect([status, body.code]).toEqual([409, 'request_in_progress']);
  for (const each of [service, other]) {
    expect((await send(each)).text).toBe(answer.text);
    expect((await each.get(`/v1/batches/${batchId}`, headers)).text).toBe(answer.text);
  }
  expect(await funds(books.pincex, userId, 'USD')).toBe('9 / 1');
});

describe('a call that is refused for its form', () => {
  it.each(['urn:uuid:8e03978e-40d5-43e8-bc93-6894a57f9324', '00000000-0000-0000-1234-000000000000', 'x'])(
    'a call that is refused for its form leaves no trace of its batch id %s',
    async (batchId) => {
      const userId = await newUser(books.pincex, { USD: '100' });
      const refused = await service.post(LOCK, { items: [lock(userId, 'a')], batchId });
      expect(refused.status).toBe(400);
      expect((await service.get(`/v1/batches/${batchId}`)).status).toBe(404);
      expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
    },
  );

  it('a call that is refused for its form leaves its key and batch id to the call as it should have been', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const batchId = randomUUID();
    const headers = { 'idempotency-key': `"${randomUUID()}"` };
    const tooMany = Array.from({ length: limits.batches.items + 1 }, (_, n) => lock(userId, `item-${n}`));
    expect((await service.post(LOCK, { items: tooMany, batchId }, headers)).status).toBe(413);
    expect((await service.get(`/v1/batches/${batchId}`)).status).toBe(404);
    const right = await service.post(LOCK, { items: tooMany.slice(0, 3), batchId }, headers);
    expect(right).toMatchObject({ status: 200, body: { batchId, counts: { applied: 3 } } });
  });

  it('a compressed call is refused', async () => {
    const refused = await service.post(LOCK, { items: [] }, { 'content-encoding': 'gzip' });
    expect(refused).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
  });

  it('a call with an invalid Request-Timeout is refused, even where it has nothing to wait for', async () => {
    for (const path of ['/v1/limits', `/v1/batches/${randomUUID()}`, '/v1/stream/accounts']) {
      const refused = await service.get(path, { 'request-timeout': 'soon' });
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request_timeout' } });
    }
  });
});

it('a batch is answered whatever follows it on its connection, and nothing is answered behind it', async () => {
  const userId = await newUser(books.pincex, { USD: '10' });
  const held = await hold(books, userId);
  const batchId = randomUUID();
  const { head, body } = callOf(LOCK, service.key, { items: [lock(userId, 'a')], batchId });
  const wire = await dial(service.url);
  wire.send(head + body);
  await held.awaited();
  wire.send('rubbish\r\n\r\n');
  await held.release();
  await until('the connection to be cut', () => wire.isClosed);
  const [answerHead, answer] = wire.received.split('\r\n\r\n');
  expect(answerHead).toMatch(/^HTTP\/1.1 200 /);
  expect(JSON.parse(answer!)).toMatchObject({ batchId, status: 'applied' });
  expect(await funds(books.pincex, userId, 'USD')).toBe('9 / 1');
});
