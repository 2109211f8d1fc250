import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { BatchResult } from '../../src/index.ts';
import { limits } from '../../src/limits.ts';
import { expectApplied, fresh, newUser, useBooks } from '../support/books.ts';
import { makeKey, serve } from './support.ts';

const books = useBooks();

type Batch = Pick<BatchResult<unknown>, 'batchId' | 'mode' | 'status' | 'counts' | 'results'>;

interface ProblemBody {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { pointer?: string; parameter?: string; detail: string }[];
  readonly batch?: Batch;
}

const order = (userId: string, side: 'buy' | 'sell') => ({
  id: fresh(side),
  userId,
  symbol: 'BTC/USD',
  side,
  type: 'limit',
  quantity: '1',
  price: '20',
});

describe('the routes of an exchange', () => {
  it('take money in, hold it, trade, and show what became of it', async () => {
    const { post, get } = await serve(books);
    const [ann, bob] = [fresh('ann'), fresh('bob')];
    const run = async (path: string, items: readonly object[]): Promise<Batch> => {
      const { status, body } = await post<Batch>(path, { items });
      expect(status).toBe(200);
      expect(body.results.filter((result) => result.status === 'rejected')).toEqual([]);
      expect(body.status).toBe('applied');
      return body;
    };
    const money = (userId: string, currency: string, amount: string) => ({
      id: fresh('m'),
      userId,
      currency,
      amount,
    });
    await run('/v1/accounts/batch-create', [{ id: fresh('a'), userId: ann, currency: 'USD' }]);
    await run('/v1/funds/batch-deposit', [money(ann, 'USD', '100'), money(bob, 'BTC', '3')]);
    await run('/v1/funds/batch-lock', [{ ...money(ann, 'USD', '10'), orderId: 'o' }]);
    await run('/v1/funds/batch-unlock', [{ ...money(ann, 'USD', '10'), orderId: 'o' }]);
    await run('/v1/funds/batch-transfer', [{ ...money(ann, 'USD', '5'), toUserId: bob }]);
    await run('/v1/funds/batch-withdraw', [money(bob, 'USD', '5')]);
    const [buy, sell, rest] = [order(ann, 'buy'), order(bob, 'sell'), order(bob, 'sell')];
    await run('/v1/orders/batch-place', [buy, sell, rest]);
    const trade = {
      id: fresh('t'),
      symbol: 'BTC/USD',
      price: '20',
      quantity: '1',
      buyUserId: ann,
      buyOrderId: buy.id,
      sellUserId: bob,
      sellOrderId: sell.id,
      takerSide: 'sell',
    };
    await run('/v1/trades/batch-settle', [trade]);
    await run('/v1/orders/batch-cancel', [{ id: fresh('c'), userId: bob, orderId: rest.id }]);
    const plain = order(ann, 'buy');
    await run('/v1/orders/batch-create', [plain]);
    await run('/v1/orders/batch-status', [
      { id: fresh('s'), userId: ann, orderId: plain.id, status: 'cancelled' },
    ]);
    const mixed = await run('/v1/batches', [
      { command: 'deposit', ...money(ann, 'USD', '1') },
      { command: 'lockFunds', ...money(ann, 'USD', '1'), orderId: 'p' },
    ]);

    expect((await get(`/v1/batches/${mixed.batchId}`)).body).toEqual(mixed);
    const accounts = await post('/v1/accounts/batch-get', {
      userIds: [ann, bob],
      currencies: ['USD', 'BTC'],
    });
    expect(accounts.body).toMatchObject({
      accounts: [
        { available: '75', locked: '1' },
        { available: '1', locked: '0' },
        { available: '20', locked: '0' },
        { available: '2', locked: '0' },
      ],
    });
    const orders = await post('/v1/orders/batch-get', { ids: [buy.id, 'none'] });
    expect(orders.body).toMatchObject({ orders: [{ id: buy.id, status: 'filled' }, null] });
    const lists = await post('/v1/users/orders/batch-get', {
      userIds: [bob, 'none'],
      statuses: ['cancelled'],
    });
    expect(lists.body).toMatchObject({ orders: [[{ id: rest.id }], []] });
    const trades = await post('/v1/trades/batch-get', { orderIds: [sell.id] });
    expect(trades.body).toMatchObject({ trades: [[{ id: trade.id, side: 'sell', quoteAmount: '20' }]] });
    const shelves = await post('/v1/order-books/batch-get', { symbols: ['BTC/USD'], depth: 1 });
    expect(shelves.body).toEqual({ orderBooks: [{ symbol: 'BTC/USD', bids: [], asks: [] }] });
    expect((await get('/v1/limits')).body).toMatchObject({ batchItems: 10_000, maxConcurrent: 10 });
  });

  it('tell of each item, and refuse an atomic batch as a whole', async () => {
    const { post, get } = await serve(books);
    const userId = await newUser(books.pincex, { USD: '10' });
    const lock = (id: string, amount: string) => ({ id, userId, currency: 'USD', amount, orderId: id });
    const items = [lock('a', '8'), lock('b', '8'), lock('c', 'much')];
    const partial = await post<Batch>('/v1/funds/batch-lock', { items });
    expect(partial.status).toBe(200);
    expect(partial.body).toMatchObject({
      status: 'partial',
      counts: { total: 3, applied: 1, rejected: 2, replayed: 0, skipped: 0 },
      results: [
        { index: 0, id: 'a', status: 'applied', data: { available: '2', locked: '8' } },
        { index: 1, id: 'b', status: 'rejected', error: { code: 'insufficient_funds', retryable: true } },
        { index: 2, id: 'c', status: 'rejected', error: { code: 'invalid_amount', retryable: false } },
      ],
    });
    const atomic = await post<ProblemBody>('/v1/funds/batch-lock', {
      mode: 'atomic',
      items: [lock('d', '1'), lock('e', '8')],
    });
    expect(atomic.status).toBe(422);
    expect(atomic.headers.get('content-type')).toContain('application/problem+json');
    expect(atomic.body).toMatchObject({
      code: 'batch_rejected',
      batch: { mode: 'atomic', status: 'rejected' },
    });
    expect(atomic.body.batch!.results).toMatchObject([
      { error: { code: 'group_failed' } },
      { error: { code: 'insufficient_funds' } },
    ]);
    expect((await get(`/v1/batches/${atomic.body.batch!.batchId}`)).text).toBe(atomic.text);
  });
});

describe('a call that is malformed', () => {
  const item = { id: 'x', userId: 'u', currency: 'USD', amount: '1', orderId: 'o' };

  it.each([
    ['an amount that is a number', { ...item, amount: 1 }, '/items/0/amount', 'must be string: got 1'],
    ['a field that is missing', { ...item, orderId: undefined }, '/items/0/orderId', 'is missing'],
    [
      'a field that is not known',
      { ...item, 'a/b': 1 },
      '/items/0/a~1b',
      'is not a field that is known here',
    ],
    ['an amount that is null', { ...item, amount: null }, '/items/0/amount', 'must be string: got null'],
    ['an item that is none', 'x', '/items/0', 'must be object: got "x"'],
    ['an item that is a list', [], '/items/0', 'must be object: got an array'],
  ])('is refused with its place: %s', async (_, wrong, pointer, detail) => {
    const { post } = await serve(books);
    const answer = await post<ProblemBody>('/v1/funds/batch-lock', { items: [wrong] });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'malformed_request', status: 400 });
    expect(answer.body.errors).toEqual([{ pointer, detail }]);
  });

  it('is told what it may choose from', async () => {
    const { post } = await serve(books);
    const faults = async (path: string, body: object) => (await post<ProblemBody>(path, body)).body.errors;
    expect(await faults('/v1/batches', { items: [{ command: 'steal' }] })).toEqual([
      {
        pointer: '/items/0/command',
        detail: expect.stringMatching(/^must be one of createAccount, .*settleTrade: got "steal"$/) as string,
      },
    ]);
    expect(await faults('/v1/funds/batch-lock', { items: [], mode: 'most' })).toEqual([
      { pointer: '/mode', detail: 'must be one of partial, stop_on_error, atomic: got "most"' },
    ]);
    const { id, userId, currency } = item;
    const loud = {
      id,
      userId,
      symbol: 'BTC/USD',
      side: 'buy',
      type: 'limit',
      quantity: '1',
      timeInForce: 'GTC',
    };
    expect(await faults('/v1/orders/batch-place', { items: [loud] })).toEqual([
      { pointer: '/items/0/timeInForce', detail: 'must be one of gtc, ioc, fok, gtd, day, null: got "GTC"' },
    ]);
    for (const batchId of ['1', 'urn:uuid:0198c2f0-33f9-731b-9746-4513985db602'])
      expect(await faults('/v1/funds/batch-lock', { items: [], batchId })).toEqual([
        { pointer: '/batchId', detail: `must be a UUID: got "${batchId}"` },
      ]);
    const users = { userIds: [userId] };
    expect(await faults('/v1/users/orders/batch-get', { ...users, limit: 1_001 })).toEqual([
      { pointer: '/limit', detail: 'must be <= 1000: got 1001' },
    ]);
    expect(await faults('/v1/order-books/batch-get', { symbols: [], depth: 0 })).toEqual([
      { pointer: '/depth', detail: 'must be >= 1: got 0' },
    ]);
    const accounts = { ...users, currencies: [currency] };
    expect(await faults('/v1/accounts/batch-get', { ...accounts, minVersions: [1, 2] })).toEqual([
      { pointer: '/minVersions', detail: 'minVersions must be an array of 1, one for each result' },
    ]);
    const beyond = JSON.stringify({ ...accounts, minVersions: [] }).replace('[]', '[9007199254740993]');
    expect((await post<ProblemBody>('/v1/accounts/batch-get', beyond)).body.errors).toEqual([
      { pointer: '/minVersions/0', detail: 'must be <= 9007199254740991: got 9007199254740993' },
    ]);
  });

  it('names a number with all the digits that it was sent with', async () => {
    const { post } = await serve(books);
    const text = JSON.stringify({ items: [item] }).replace('"1"', '0.1000000000000000055511151231257827');
    const answer = await post<ProblemBody>('/v1/funds/batch-lock', text);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toContain('got 0.1000000000000000055511151231257827');
  });

  it('is answered in few words, however many it has itself', async () => {
    const { post } = await serve(books);
    for (const wrong of [
      JSON.stringify({ items: [item] }).replace('"1"', '9'.repeat(1_000_000)),
      JSON.stringify({ items: [item], ['x'.repeat(1_000_000)]: 1 }),
      '{"items":[],"x":1,"x":2}'.replaceAll('x', 'x'.repeat(1_000_000)),
    ]) {
      const { status, text } = await post('/v1/funds/batch-lock', wrong);
      expect(status).toBe(400);
      expect(text.length).toBeLessThan(1_000);
    }
  });

  it.each<[string, string, unknown, number, string]>([
    ['no JSON', '/v1/funds/batch-lock', '{"items": [', 400, 'malformed_request'],
    ['a prototype', '/v1/funds/batch-lock', '{"items": [], "__proto__": {}}', 400, 'malformed_request'],
    ['no items', '/v1/funds/batch-lock', {}, 400, 'malformed_request'],
    ['an unknown mode', '/v1/funds/batch-lock', { items: [], mode: 'most' }, 400, 'malformed_request'],
    [
      'a batch id that is none',
      '/v1/funds/batch-lock',
      { items: [], batchId: '1' },
      400,
      'malformed_request',
    ],
    [
      'too many items',
      '/v1/orders/batch-cancel',
      { items: Array.from({ length: 10_001 }, () => ({ id: 'i', userId: 'u', orderId: 'o' })) },
      413,
      'batch_too_large',
    ],
    [
      'too many keys',
      '/v1/accounts/batch-get',
      { userIds: Array.from({ length: 50_001 }, () => 'u'), currencies: ['USD', 'BTC'] },
      413,
      'batch_too_large',
    ],
    ['an unknown command', '/v1/batches', { items: [{ command: 'steal' }] }, 400, 'malformed_request'],
    ['a limit of 0', '/v1/users/orders/batch-get', { userIds: ['u'], limit: 0 }, 400, 'malformed_request'],
    [
      'versions that are too few',
      '/v1/accounts/batch-get',
      { userIds: ['u'], currencies: ['USD', 'BTC'], minVersions: [1] },
      400,
      'invalid_argument',
    ],
  ])('is told why: %s', async (_, path, body, status, code) => {
    const { post } = await serve(books);
    const answer = await post<ProblemBody>(path, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.status).toBe(status);
  });

  it('is told why: another type, too many bytes, a parameter, a path', async () => {
    const { post, get } = await serve(books, { bodyLimit: 2_000 });
    const typed = await post<ProblemBody>('/v1/funds/batch-lock', 'a=b', { 'content-type': 'text/plain' });
    expect([typed.status, typed.body.code]).toEqual([415, 'unsupported_media_type']);
    expect(typed.body.detail).toMatch(/Content-Type: application\/json; got "text\/plain"$/);
    const large = await post<ProblemBody>('/v1/funds/batch-lock', { items: [], mode: 'x'.repeat(3_000) });
    expect([large.status, large.body.code]).toEqual([413, 'body_too_large']);
    expect(large.body.detail).toContain('at most 2000 bytes');
    const parameter = await get<ProblemBody>('/v1/stream/orders?before=x');
    expect(parameter.body).toMatchObject({
      code: 'malformed_request',
      errors: [{ parameter: 'before', detail: 'is not a field that is known here' }],
    });
    const cursor = await get<ProblemBody>('/v1/stream/orders?after=x');
    expect([cursor.status, cursor.body.code]).toEqual([400, 'invalid_argument']);
    expect(cursor.body.errors).toEqual([{ parameter: 'after', detail: cursor.body.detail }]);
    const elsewhere = await post<ProblemBody>('/v1/funds/batch-withdraw?mode=atomic', { items: [] });
    expect(elsewhere.body).toMatchObject({ code: 'malformed_request', errors: [{ parameter: 'mode' }] });
    const path = await get<ProblemBody>('/v1/nothing');
    expect([path.status, path.body.code]).toEqual([404, 'not_found']);
    const unknown = await get<ProblemBody>('/v1/batches/01a20936-33f9-731b-9746-4513985db602');
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
  });
});

describe('a body that somebody else could read in another way is refused', () => {
  const DEPOSIT = '/v1/funds/batch-deposit';

  it('which is not UTF-8, or says so', async () => {
    const { url, key } = await serve(books);
    const send = async (body: Buffer, type = 'application/json') => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': type };
      const answer = await fetch(url + DEPOSIT, { method: 'POST', headers, body: new Uint8Array(body) });
      return [answer.status, ((await answer.json()) as ProblemBody).detail];
    };
    const bytes = Buffer.from(
      '{"items":[{"id":"d","userId":"j\xf6rg","currency":"USD","amount":"1"}]}',
      'latin1',
    );
    expect(await send(bytes)).toEqual([400, 'The body is not UTF-8']);
    expect(await send(bytes, 'application/json; charset=iso-8859-1')).toEqual([
      415,
      'The charset "iso-8859-1" is not supported: bodies are JSON in UTF-8, as it is',
    ]);
    const items = '{"items":[]}';
    expect((await send(Buffer.from(items), 'application/json; charset="UTF-8"'))[0]).toBe(200);
    expect((await send(Buffer.from(`\ufeff${items}`)))[0]).toBe(400);
  });

  it.each([
    [
      'an amount',
      '{"items":[{"id":"d","userId":"u","currency":"USD","amount":"1","amount":"5000"}]}',
      '/items/0/amount',
    ],
    ['written in another way', '{"items":[],"mode":"atomic","\\u006dode":"partial"}', '/mode'],
    ['of an object behind one', '{"items":[{"id":"{\\"a\\":1,"},{"id":"a","id":"b"}]}', '/items/1/id'],
  ])('which gives a field twice: %s', async (_, body, pointer) => {
    const { post } = await serve(books);
    const answer = await post<ProblemBody>(DEPOSIT, body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
    expect(answer.body.errors).toEqual([{ pointer, detail: 'is given twice' }]);
  });

  it('but not for what stands in its texts', async () => {
    const { post } = await serve(books);
    const userId = await newUser(books.pincex, { USD: '1' });
    const id = fresh('":\\"{:,"id":[');
    const answer = await post<Batch>(DEPOSIT, { items: [{ id, userId, currency: 'USD', amount: '1' }] });
    expect(answer).toMatchObject({ status: 200, body: { results: [{ id, status: 'applied' }] } });
  });

  it.each(['__proto__', 'constructor'])(
    'and a field that is called %s is none that is known',
    async (name) => {
      const { post } = await serve(books);
      const { status, body } = await post<ProblemBody>(DEPOSIT, `{"items":[{"${name}":{"prototype":1}}]}`);
      expect(status).toBe(400);
      expect(body.code).toBe('malformed_request');
    },
  );
});

describe('a request that no route sees', () => {
  it('has no body, one that is nested without end, or a path that is none, and is told so', async () => {
    const { url, key, post, get } = await serve(books);
    const headers = { authorization: `Bearer ${key}` };
    const empty = await fetch(`${url}/v1/funds/batch-lock`, { method: 'POST', headers });
    expect([empty.status, await empty.json()]).toMatchObject([
      400,
      { code: 'malformed_request', detail: 'The body must be object', retryable: false },
    ]);
    const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const deep = await post<ProblemBody>('/v1/funds/batch-lock', `{"items":[{"id":${nested}}]}`);
    expect([deep.status, deep.body.detail]).toEqual([400, 'The body is nested deeper than 32 levels']);
    const values = await post<ProblemBody>('/v1/funds/batch-lock', `[${'0,'.repeat(limits.bodyValues)}0]`);
    expect([values.status, values.body.detail]).toEqual([413, 'A body has at most 250000 values']);
    const path = await get<ProblemBody>('/v1/batches/%zz');
    expect([path.status, path.body.code]).toEqual([400, 'malformed_request']);
    const long = `/v1/batches/${'a'.repeat(10_000)}`;
    expect([(await get(long)).status, (await fetch(url + long)).status]).toEqual([404, 401]);
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['no Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    [
      'two of them',
      'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
      400,
      'malformed_request',
    ],
    ['headers without end', `GET / HTTP/1.1\r\na: ${'x'.repeat(20_000)}`, 431, 'headers_too_large'],
  ])('is answered with a problem: %s', async (_, sent, status, code) => {
    const { url } = await serve(books);
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
    socket.write(sent);
    const [head, body] = (await text(socket)).split('\r\n\r\n');
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head).toContain('application/problem+json');
    expect(JSON.parse(body!)).toMatchObject({ status, code, retryable: false });
  });

  it('is served where it expects what nobody knows', async () => {
    const { url } = await serve(books);
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is hung up on where it wants a tunnel, and nobody else notices', async () => {
    const { url } = await serve(books);
    for (let n = 0; n < 3; n++) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
      socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
      if (n === 0) await once(socket.resume(), 'close');
      else socket.resetAndDestroy();
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('is served where it is HTTP/1.0, which knows no Host', async () => {
    const { url } = await serve(books);
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
    socket.write('GET /healthz HTTP/1.0\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a stream', () => {
  it('sends every row, and goes on behind any of its lines', async () => {
    const { get } = await serve(books);
    for (let n = 0; n < 3; n++) await newUser(books.pincex, { USD: '1', BTC: '2' });
    const { text, headers } = await get('/v1/stream/journal');
    expect(headers.get('content-type')).toContain('application/x-ndjson');
    const lines = text.trimEnd().split('\n');
    expect(lines.at(-1)).toBe('{"end":true}');
    const rows: unknown[] = [];
    for await (const row of books.pincex.streamJournal()) rows.push(row);
    const sent = lines.slice(0, -1).map((line) => JSON.parse(line) as { cursor: string; row: unknown });
    expect(sent.map(({ row }) => row)).toEqual(rows);
    const rest = await get(`/v1/stream/journal?after=${sent[3]!.cursor}`);
    expect(rest.text).toBe([...lines.slice(4), ''].join('\n'));
  });
});

describe('an Idempotency-Key', () => {
  it('repeats the first answer, whatever happened since; other content is refused', async () => {
    const { post } = await serve(books);
    const userId = await newUser(books.pincex, { USD: '10' });
    const lock = { id: fresh('l'), userId, currency: 'USD', amount: '20', orderId: 'o' };
    const headers = { 'idempotency-key': `"${fresh('key')}"` };
    const first = await post<Batch>('/v1/funds/batch-lock', { items: [lock] }, headers);
    expect(first.body.status).toBe('rejected');
    expect(first.headers.get('idempotency-hit')).toBeNull();
    const more = { id: 'more', userId, currency: 'USD', amount: '90' };
    expectApplied(await books.pincex.bookkeeper.batchDeposit([more]));
    const again = await post<Batch>('/v1/funds/batch-lock', { items: [lock] }, headers);
    expect(again.text).toBe(first.text);
    expect([again.status, again.headers.get('idempotency-hit')]).toEqual([200, 'true']);
    const other = await post<ProblemBody>(
      '/v1/funds/batch-lock',
      { items: [{ ...lock, amount: '1' }] },
      headers,
    );
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    const elsewhere = await post<Batch>('/v1/funds/batch-unlock', { items: [lock] }, headers);
    expect(elsewhere.status).toBe(200);
    const unquoted = await post<ProblemBody>(
      '/v1/funds/batch-lock',
      { items: [] },
      { 'idempotency-key': 'bare' },
    );
    expect([unquoted.status, unquoted.body.code]).toEqual([400, 'invalid_idempotency_key']);
    expect(unquoted.body.errors).toMatchObject([{ header: 'Idempotency-Key' }]);
  });

  it('that two send at once is executed once', async () => {
    const { post } = await serve(books);
    const userId = await newUser(books.pincex, { USD: '1000' });
    const items = Array.from({ length: 50 }, () => ({
      id: fresh('l'),
      userId,
      currency: 'USD',
      amount: '1',
      orderId: 'o',
    }));
    const headers = { 'idempotency-key': `"${fresh('key')}"` };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post<Batch>('/v1/funds/batch-lock', { items }, headers)),
    );
    const executed = answers.filter(
      ({ status, headers }) => status === 200 && !headers.has('idempotency-hit'),
    );
    expect(executed).toHaveLength(1);
    for (const { status, body, text } of answers) {
      if (status === 409) expect(body).toMatchObject({ code: 'request_in_progress' });
      else expect(text).toBe(executed[0]!.text);
    }
    expect(executed[0]!.body.counts.applied).toBe(50);
  });

  it('belongs to who sent it: two callers with the same one are both executed', async () => {
    const { post, pincex } = await serve(books);
    const userId = await newUser(books.pincex, { USD: '10' });
    const key = `"${fresh('key')}"`;
    const callers = await Promise.all([1, 2].map(() => makeKey(pincex, 'funds:write')));
    const answers = await Promise.all(
      callers.map((caller, n) =>
        post<Batch>(
          '/v1/funds/batch-lock',
          { items: [{ id: `l${n}`, userId, currency: 'USD', amount: '1', orderId: 'o' }] },
          { 'idempotency-key': key, authorization: `Bearer ${caller}` },
        ),
      ),
    );
    for (const { status, headers, body } of answers) {
      expect([status, headers.get('idempotency-hit'), body.counts.applied]).toEqual([200, null, 1]);
    }
  });
});
