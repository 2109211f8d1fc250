import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { BatchResult } from '../../../src/index.ts';
import { limits } from '../../../src/limits.ts';
import { fresh, newUser, useBooks } from '../../support/books.ts';
import { serve, useService } from '../support.ts';

const books = useBooks();
const service = useService(books);

const LOCK = '/v1/funds/batch-lock';
const portOf = () => Number(new URL(service.url).port);

type Batch = Pick<BatchResult<unknown>, 'results'>;

interface ProblemBody {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { pointer?: string; parameter?: string; detail: string }[];
}

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
  ])('a malformed call is refused with the place of its mistake: %s', async (_, wrong, pointer, detail) => {
    const answer = await service.post<ProblemBody>(LOCK, { items: [wrong] });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'malformed_request', status: 400 });
    expect(answer.body.errors).toEqual([{ pointer, detail }]);
  });

  it('a malformed call is told what it may choose from', async () => {
    const faults = async (path: string, body: object) =>
      (await service.post<ProblemBody>(path, body)).body.errors;
    expect(await faults('/v1/batches', { items: [{ command: 'steal' }] })).toEqual([
      {
        pointer: '/items/0/command',
        detail: expect.stringMatching(/^must be one of createAccount, .*settleTrade: got "steal"$/) as string,
      },
    ]);
    expect(await faults(LOCK, { items: [], mode: 'most' })).toEqual([
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
      expect(await faults(LOCK, { items: [], batchId })).toEqual([
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
    expect((await service.post<ProblemBody>('/v1/accounts/batch-get', beyond)).body.errors).toEqual([
      { pointer: '/minVersions/0', detail: 'must be <= 9007199254740991: got 9007199254740993' },
    ]);
  });

  it('a malformed call is told all its mistakes at once, each with its place', async () => {
    const faults = async (path: string, body: object) => (await service.post<ProblemBody>(path, body)).body;
    const many = await faults(LOCK, {
      mode: 'most',
      more: 1,
      items: [item, { ...item, orderId: undefined, amount: 1, orderid: 'o' }, 'x', { ...item, userId: null }],
    });
    expect(many.errors).toEqual([
      { pointer: '/more', detail: 'is not a field that is known here' },
      { pointer: '/mode', detail: 'must be one of partial, stop_on_error, atomic: got "most"' },
      { pointer: '/items/1/orderId', detail: 'is missing' },
      { pointer: '/items/1/orderid', detail: 'is not a field that is known here' },
      { pointer: '/items/1/amount', detail: 'must be string: got 1' },
      { pointer: '/items/2', detail: 'must be object: got "x"' },
      { pointer: '/items/3/userId', detail: 'must be string: got null' },
    ]);
    expect(many.detail).toBe('/more is not a field that is known here; errors names 6 more');
    const mixed = await faults('/v1/batches', {
      items: [{ command: 'steal' }, { command: 'lockFunds', ...item, amount: 0.5, currency: true }],
    });
    expect(mixed.errors?.map(({ pointer }) => pointer)).toEqual([
      '/items/0/command',
      '/items/1/currency',
      '/items/1/amount',
    ]);
    const keys = await faults('/v1/orders/batch-get', { ids: ['o', { userId: 1, id: 'o' }, { id: 'o' }] });
    expect(keys.errors).toEqual(
      expect.arrayContaining([
        { pointer: '/ids/1/userId', detail: 'must be string: got 1' },
        { pointer: '/ids/2/userId', detail: 'is missing' },
      ]),
    );
    const query = await service.get<ProblemBody>('/v1/stream/orders?before=x&beyond=y');
    expect(query.body.errors?.map(({ parameter }) => parameter)).toEqual(['before', 'beyond']);
  });

  it.each<[string, string]>([
    ['items that are wrong', `{"items":[${Array.from({ length: 200_000 }, () => '7').join()}]}`],
    ['objects that lack everything', `{"items":[${Array.from({ length: 100_000 }, () => '{}').join()}]}`],
    [
      'names that nobody knows',
      `{"items":[{${Array.from({ length: 200_000 }, (_, n) => `"x${n}":1`).join()}}]}`,
    ],
  ])('a malformed call is told the first hundred mistakes at the most, and at once: %s', async (_, body) => {
    const { status, body: problem } = await service.post<ProblemBody>(LOCK, body);
    expect([status, problem.code]).toEqual([400, 'malformed_request']);
    expect(problem.errors!.length).toBeLessThanOrEqual(limits.http.mistakes);
  });

  it('a problem names a number with all the digits that it was sent with', async () => {
    const text = JSON.stringify({ items: [item] }).replace('"1"', '0.1000000000000000055511151231257827');
    const answer = await service.post<ProblemBody>(LOCK, text);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toContain('got 0.1000000000000000055511151231257827');
  });

  it('a malformed call is answered in few words, however long it is', async () => {
    for (const wrong of [
      JSON.stringify({ items: [item] }).replace('"1"', '9'.repeat(1_000_000)),
      JSON.stringify({ items: [item], ['x'.repeat(1_000_000)]: 1 }),
      '{"items":[],"x":1,"x":2}'.replaceAll('x', 'x'.repeat(1_000_000)),
    ]) {
      const { status, text } = await service.post(LOCK, wrong);
      expect(status).toBe(400);
      expect(text.length).toBeLessThan(1_000);
    }
  });

  it.each<[string, string, unknown, number, string]>([
    ['no JSON', LOCK, '{"items": [', 400, 'malformed_request'],
    ['a prototype', LOCK, '{"items": [], "__proto__": {}}', 400, 'malformed_request'],
    ['no items', LOCK, {}, 400, 'malformed_request'],
    ['an unknown mode', LOCK, { items: [], mode: 'most' }, 400, 'malformed_request'],
    ['a batch id that is none', LOCK, { items: [], batchId: '1' }, 400, 'malformed_request'],
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
  ])('a call is told why it is refused: %s', async (_, path, body, status, code) => {
    const answer = await service.post<ProblemBody>(path, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.status).toBe(status);
  });

  it('a call with another content type is told which one it should have', async () => {
    const { status, body } = await service.post<ProblemBody>(LOCK, 'a=b', { 'content-type': 'text/plain' });
    expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
    expect(body.detail).toMatch(/Content-Type: application\/json; got "text\/plain"$/);
  });

  it('a call with too large a body is told how large a body may be', async () => {
    const { post } = await serve(books, { bodyLimit: 2_000 });
    const large = await post<ProblemBody>(LOCK, { items: [], mode: 'x'.repeat(3_000) });
    expect([large.status, large.body.code]).toEqual([413, 'body_too_large']);
    expect(large.body.detail).toContain('at most 2000 bytes');
  });

  it('a call with an unknown query parameter is told which one it is', async () => {
    const { body } = await service.get<ProblemBody>('/v1/stream/orders?before=x');
    expect(body).toMatchObject({
      code: 'malformed_request',
      errors: [{ parameter: 'before', detail: 'is not a field that is known here' }],
    });
  });

  it('a stream with a cursor that is none is told so', async () => {
    const { status, body } = await service.get<ProblemBody>('/v1/stream/orders?after=x');
    expect([status, body.code]).toEqual([400, 'invalid_argument']);
    expect(body.errors).toEqual([{ parameter: 'after', detail: body.detail }]);
  });

  it('a call is refused where a query parameter belongs into the body', async () => {
    const { body } = await service.post<ProblemBody>('/v1/funds/batch-withdraw?mode=atomic', { items: [] });
    expect(body).toMatchObject({ code: 'malformed_request', errors: [{ parameter: 'mode' }] });
  });

  it.each(['/v1/nothing', '/v1/batches/01a20936-33f9-731b-9746-4513985db602'])(
    'a call for something that does not exist is told so: %s',
    async (path) => {
      const { status, body } = await service.get<ProblemBody>(path);
      expect([status, body.code]).toEqual([404, 'not_found']);
    },
  );
});

describe('a body that could be read in two ways', () => {
  const DEPOSIT = '/v1/funds/batch-deposit';

  it('a body that is not UTF-8, or that is said to have another charset, is refused', async () => {
    const send = async (body: Buffer, type = 'application/json') => {
      const headers = { authorization: `Bearer ${service.key}`, 'content-type': type };
      const answer = await fetch(service.url + DEPOSIT, {
        method: 'POST',
        headers,
        body: new Uint8Array(body),
      });
      return [answer.status, ((await answer.json()) as ProblemBody).detail];
    };
    const bytes = Buffer.from(
      '{"items":[{"id":"d","userId":"j\xf6rg","currency":"USD","amount":"1"}]}',
      'latin1',
    );
    expect(await send(bytes)).toEqual([400, 'The body is not UTF-8']);
    expect(await send(bytes, 'application/json; charset=iso-8859-1')).toEqual([
      415,
      'The charset "iso-8859-1" is not supported: bodies are uncompressed JSON in UTF-8',
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
    ['a field written with an escape', '{"items":[],"mode":"atomic","\\u006dode":"partial"}', '/mode'],
    ['a field of a later item', '{"items":[{"id":"{\\"a\\":1,"},{"id":"a","id":"b"}]}', '/items/1/id'],
  ])('a body that gives a field twice is refused: %s', async (_, body, pointer) => {
    const answer = await service.post<ProblemBody>(DEPOSIT, body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
    expect(answer.body.errors).toEqual([{ pointer, detail: 'is given twice' }]);
  });

  it('quotes, braces and names within the texts of a body are not taken for fields', async () => {
    const userId = await newUser(books.pincex, { USD: '1' });
    const id = fresh('":\\"{:,"id":[');
    const answer = await service.post<Batch>(DEPOSIT, {
      items: [{ id, userId, currency: 'USD', amount: '1' }],
    });
    expect(answer).toMatchObject({ status: 200, body: { results: [{ id, status: 'applied' }] } });
  });

  it.each(['__proto__', 'constructor'])('a field that is called %s is refused as unknown', async (name) => {
    const { status, body } = await service.post<ProblemBody>(
      DEPOSIT,
      `{"items":[{"${name}":{"prototype":1}}]}`,
    );
    expect(status).toBe(400);
    expect(body.code).toBe('malformed_request');
  });
});

describe('a request that no route sees', () => {
  it('a call without a body is told so', async () => {
    const headers = { authorization: `Bearer ${service.key}` };
    const empty = await fetch(service.url + LOCK, { method: 'POST', headers });
    expect([empty.status, await empty.json()]).toMatchObject([
      400,
      { code: 'malformed_request', detail: 'The body must be object', retryable: false },
    ]);
  });

  it('a call whose body is nested too deep, or has too many values, is told so', async () => {
    const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const deep = await service.post<ProblemBody>(LOCK, `{"items":[{"id":${nested}}]}`);
    expect([deep.status, deep.body.detail]).toEqual([400, 'The body is nested deeper than 32 levels']);
    const values = await service.post<ProblemBody>(LOCK, `[${'0,'.repeat(limits.http.bodyValues)}0]`);
    expect([values.status, values.body.detail]).toEqual([413, 'A body has at most 250000 values']);
  });

  it('a path that cannot be decoded is refused, and a long path is answered like any other', async () => {
    const path = await service.get<ProblemBody>('/v1/batches/%zz');
    expect([path.status, path.body.code]).toEqual([400, 'malformed_request']);
    const long = `/v1/batches/${'a'.repeat(10_000)}`;
    expect([(await service.get(long)).status, (await fetch(service.url + long)).status]).toEqual([404, 401]);
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['no Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    [
      'two Hosts',
      'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
      400,
      'malformed_request',
    ],
    ['headers without end', `GET / HTTP/1.1\r\na: ${'x'.repeat(20_000)}`, 431, 'headers_too_large'],
  ])('a request that cannot be parsed is answered with a problem: %s', async (_, sent, status, code) => {
    const socket = connect(portOf(), '127.0.0.1').setEncoding('utf8');
    socket.write(sent);
    const [head, body] = (await text(socket)).split('\r\n\r\n');
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head).toContain('application/problem+json');
    expect(JSON.parse(body!)).toMatchObject({ status, code, retryable: false });
  });

  it('a request that expects something unknown is served', async () => {
    const socket = connect(portOf(), '127.0.0.1').setEncoding('utf8');
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('a request for a tunnel is hung up on, and other calls do not notice', async () => {
    for (let n = 0; n < 3; n++) {
      const socket = connect(portOf(), '127.0.0.1').on('error', () => undefined);
      socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
      if (n === 0) await once(socket.resume(), 'close');
      else socket.resetAndDestroy();
    }
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  });

  it('a request by HTTP/1.0 is served without a Host', async () => {
    const socket = connect(portOf(), '127.0.0.1').setEncoding('utf8');
    socket.write('GET /healthz HTTP/1.0\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });
});
