import { Readable } from 'node:stream';
import fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify';
import { parseList } from 'structured-headers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeKey, parseKey } from '../../../src/apiKeys/keySecrets.ts';
import { access, type AccessOptions } from '../../../src/http/access/plugin.ts';
import { SCOPES, type Scope } from '../../../src/apiKeys/scopes.ts';
import { ApiKeys, type ApiKeyOptions } from '../../../src/apiKeys/store.ts';
import { readDeadlines } from '../../../src/http/calls/deadline.ts';
import { parseJsonBodies } from '../../../src/http/body/json.ts';
import { answerWithProblems } from '../../../src/http/calls/errorHandler.ts';
import { useBooks } from '../../support/books.ts';
import { UNBOUND } from './unbound.ts';

// No money moves here, so there is nothing to audit.
const books = useBooks({}, { audited: false });

/** The fields of an RFC 9457 body that the tests look at. */
interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly retryable?: boolean;
}

/** A service with one route for each scope, until the test ends. */
async function newApp(options?: Partial<AccessOptions>): Promise<FastifyInstance> {
  const app = await buildApp(options);
  onTestFinished(() => app.close());
  return app;
}

async function buildApp({
  itemsPerSecond = null,
  keys = new ApiKeys(books.pincex.session),
}: Partial<AccessOptions> = {}): Promise<FastifyInstance> {
  const app = fastify();
  answerWithProblems(app);
  parseJsonBodies(app, { enter: () => Promise.resolve() });
  app.decorateRequest('reserveBytes', () => true);
  app.decorateRequest('releaseBytes', () => undefined);
  readDeadlines(app);
  await app.register(access, { keys, itemsPerSecond });
  app.get('/healthz', { config: { public: true } }, () => 'well');
  // The routes are encapsulated, as those of a service are.
  await app.register((routes, _, done) => {
    for (const scope of SCOPES) routes.get(`/${scope}`, { config: { scope } }, ({ caller }) => caller);
    const config = { scope: 'funds:write', lists: ['items'] } as const;
    const schema = {
      body: { type: 'object', required: ['items'], properties: { items: { type: 'array' } } },
    };
    routes.post('/batch', { config, schema }, () => 'done');
    done();
  });
  return app;
}

const create = (options: Partial<ApiKeyOptions> = {}) =>
  new ApiKeys(books.pincex.session).create({ name: 'test', scopes: ['admin'], ...options });

function get(app: FastifyInstance, url: string, key?: string): Promise<LightMyRequestResponse> {
  return app.inject({ url, ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }) });
}

function send(app: FastifyInstance, key: string, items: number): Promise<LightMyRequestResponse> {
  return app.inject({
    method: 'POST',
    url: '/batch',
    headers: { authorization: `Bearer ${key}` },
    payload: { items: Array.from({ length: items }, () => 1) },
  });
}

describe('a call without a valid key', () => {
  it('without a key only public routes answer', async () => {
    const app = await newApp();
    expect((await get(app, '/healthz')).body).toBe('well');
    expect((await get(app, '/healthz', 'nonsense')).body).toBe('well');
    for (const scope of SCOPES) {
      const answer = await get(app, `/${scope}`);
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.json<Problem>()).toMatchObject({ code: 'unauthorized' });
      expect(answer.json<Problem>().detail).toContain('send Authorization: Bearer pincex_<id>_<secret>');
    }
  });

  it('a call without a valid key does not learn whether a path exists', async () => {
    const app = await newApp();
    expect((await get(app, '/nowhere')).statusCode).toBe(401);
    expect((await app.inject({ method: 'DELETE', url: '/read' })).statusCode).toBe(401);
    expect((await get(app, '/nowhere', (await create({ scopes: ['read'] })).key)).statusCode).toBe(404);
  });

  it('unknown, forged, expired and revoked keys get the same answer', async () => {
    const app = await newApp();
    const { id, key: good } = await create();
    const [expired, revoked] = [await create({ expiresAt: new Date(Date.now() + 60_000) }), await create()];
    await books.sql(`UPDATE api_keys SET expires_at = now() WHERE id = $1`, [expired.id]);
    await new ApiKeys(books.pincex.session).revoke(revoked.id);
    const forged = `pincex_${id}_${parseKey(makeKey().key)!.secret}`;
    const answers = await Promise.all(
      [makeKey().key, forged, expired.key, revoked.key].map((key) => get(app, '/read', key)),
    );
    for (const answer of answers) {
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.json()).toMatchObject({
        code: 'unauthorized',
        detail: 'This key is not valid',
        retryable: false,
      });
    }
    expect((await get(app, '/read', good)).statusCode).toBe(200);
  });

  it('a malformed key is answered with the form of a key', async () => {
    const app = await newApp();
    const answer = await get(app, '/read', 'secret');
    expect(answer.statusCode).toBe(401);
    expect(answer.json<Problem>().detail).toContain('is not of the form');
    expect(answer.body).not.toContain('secret"');
  });

  it('the body of a call without a valid key is not read', async () => {
    const app = await newApp();
    let parsed = 0;
    app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_, body, done) => {
      parsed++;
      done(null, body);
    });
    app.post('/text', { config: { scope: 'read' } }, () => 'read');
    const post = (headers: object) =>
      app.inject({
        method: 'POST',
        url: '/text',
        payload: 'x',
        headers: { 'content-type': 'text/plain', ...headers },
      });
    expect((await post({})).statusCode).toBe(401);
    expect(parsed).toBe(0);
    const { key } = await create();
    expect((await post({ authorization: `Bearer ${key}` })).statusCode).toBe(200);
    expect(parsed).toBe(1);
  });
});

describe('the scopes and the end of a key', () => {
  const keys = new Map<Scope, string>();
  let shared: FastifyInstance;
  beforeAll(async () => {
    shared = await buildApp();
    for (const scope of SCOPES) keys.set(scope, (await create({ scopes: [scope] })).key);
  });
  afterAll(() => shared.close());

  it.each(SCOPES.flatMap((held) => SCOPES.map((needed) => [held, needed] as const)))(
    'a key with the scope %s may call a route that needs %s if these are the same or the key is admin',
    async (held, needed) => {
      const answer = await get(shared, `/${needed}`, keys.get(held));
      if (held === needed || held === 'admin') {
        expect(answer.statusCode).toBe(200);
        const { id } = parseKey(keys.get(held)!)!;
        expect(answer.json()).toEqual({ keyId: id, scopes: [held], rateLimit: null, bounds: UNBOUND });
      } else {
        expect(answer.statusCode).toBe(403);
        expect(answer.json()).toMatchObject({
          code: 'forbidden',
          detail: `This call needs the scope ${needed}; the key has ${held}`,
          retryable: false,
        });
      }
    },
  );

  it('a revoked key is refused within a second', async () => {
    const app = await newApp();
    await app.ready();
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    vi.advanceTimersByTime(1);
    const { id, key } = await create();
    expect((await get(app, '/read', key)).statusCode).toBe(200);
    await new ApiKeys(books.pincex.session).revoke(id);
    vi.advanceTimersByTime(1_001);
    expect((await get(app, '/read', key)).statusCode).toBe(401);
  });

  it('an expired key is refused from its expiry on', async () => {
    const app = await newApp();
    const expiresAt = new Date(Date.now() + 3_600_000);
    const { key } = await create({ expiresAt });
    expect((await get(app, '/read', key)).statusCode).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    vi.setSystemTime(expiresAt.getTime() - 1);
    expect((await get(app, '/read', key)).statusCode).toBe(200);
    vi.setSystemTime(expiresAt);
    expect((await get(app, '/read', key)).statusCode).toBe(401);
  });
});

describe('a limit of items', () => {
  /** A service on which time stands still, and a key of it. */
  async function limited(itemsPerSecond: number | null, options?: Partial<ApiKeyOptions>) {
    const { id, key } = await create(options);
    const found = await new ApiKeys(books.pincex.session).find([id]);
    const app = await newApp({ itemsPerSecond, keys: { find: () => Promise.resolve(found) } });
    await app.ready();
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    return { app, key };
  }

  it('each item counts against the limit, and every answer tells what is left', async () => {
    const { app, key } = await limited(100, { rateLimit: 50 });
    const first = await send(app, key, 30);
    expect(first.statusCode).toBe(200);
    expect(first.headers['ratelimit-policy']).toBe('"items";q=50;w=1');
    expect(first.headers['ratelimit']).toBe('"items";r=20;t=1');
    expect(parseList(first.headers['ratelimit'] as string)[0]![1]).toEqual(
      new Map([
        ['r', 20],
        ['t', 1],
      ]),
    );
    // A call without items counts as one item, and so does an empty batch.
    expect((await get(app, '/read', key)).headers['ratelimit']).toBe('"items";r=19;t=1');
    expect((await send(app, key, 0)).headers['ratelimit']).toBe('"items";r=18;t=1');

    const refused = await send(app, key, 19);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'ratelimit-policy': '"items";q=50;w=1',
      ratelimit: '"items";r=17;t=1',
    });
    expect(refused.json()).toMatchObject({
      code: 'rate_limited',
      detail: 'The key may send 50 items a second: 18 are left, and the call has 19, or as many KiB',
      retryable: true,
    });
    expect((await send(app, key, 17)).statusCode).toBe(200);
    vi.advanceTimersByTime(1_000);
    expect((await send(app, key, 50)).statusCode).toBe(200);
  });

  it('a batch that exceeds the limit by itself is told that it can never pass', async () => {
    const { app, key } = await limited(100);
    const refused = await send(app, key, 101);
    expect(refused.statusCode).toBe(429);
    expect(refused.headers).not.toHaveProperty('retry-after');
    expect(refused.json()).toMatchObject({
      code: 'rate_limited',
      detail:
        'A call of 101 items, or as many KiB, can never pass: the key may send 100 a second; send smaller batches',
      retryable: false,
    });
    // Looking at the refused call has cost an item.
    expect((await send(app, key, 100)).statusCode).toBe(429);
    expect((await send(app, key, 98)).statusCode).toBe(200);
  });

  it('a forbidden call counts as one item, and a public one counts nothing', async () => {
    const { app, key } = await limited(10, { scopes: ['funds:write'] });
    for (let n = 0; n < 5; n++) {
      expect((await get(app, '/admin', key)).statusCode).toBe(403);
      expect((await get(app, '/healthz', key)).headers).not.toHaveProperty('ratelimit');
    }
    expect((await send(app, key, 6)).statusCode).toBe(429);
    expect((await send(app, key, 4)).statusCode).toBe(200);
  });

  it('each KiB of a body counts as an item, also of a refused call, and a body beyond the limit is not read', async () => {
    const { app, key } = await limited(100);
    const post = (payload: string) =>
      app.inject({
        method: 'POST',
        url: '/batch',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        payload,
      });
    const statusAndLeft = async (payload: string) => {
      const { statusCode, headers } = await post(payload);
      return [statusCode, headers['ratelimit']];
    };
    const padded = (kib: number) => `{"items":[1]${' '.repeat(kib * 1_024 - 14)}}`;
    expect(await statusAndLeft(padded(20))).toEqual([200, '"items";r=80;t=1']);
    expect(await statusAndLeft(`[${padded(30)}`)).toEqual([400, '"items";r=50;t=1']);
    expect(await statusAndLeft(padded(60))).toEqual([429, '"items";r=49;t=1']);
    expect((await post(padded(101))).json()).toMatchObject({ code: 'rate_limited', retryable: false });
  });

  it('a refused chunked body costs the KiB that were read of it', async () => {
    const { app, key } = await limited(2_000);
    const refused = async (kib: number) => {
      const { statusCode, headers } = await app.inject({
        method: 'POST',
        url: '/batch',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'transfer-encoding': 'chunked',
        },
        payload: Readable.from(Array.from({ length: kib }, () => Buffer.alloc(1_024, '['))),
      });
      return [statusCode, headers['ratelimit']];
    };
    expect(await refused(30)).toEqual([400, '"items";r=1970;t=1']);
    // Reading ends at the limit of a body, 1 MiB.
    expect(await refused(1_100)).toEqual([413, '"items";r=946;t=1']);
  });

  it('refused batches count as items, so that no endless number of them is looked at', async () => {
    const { app, key } = await limited(2);
    const details = [];
    for (let n = 0; n < 4; n++) details.push((await send(app, key, 3)).json<Problem>().detail);
    const [first, second, third, fourth] = details;
    expect([first, second]).toEqual(
      Array(2).fill(expect.stringContaining('A call of 3 items, or as many KiB, can never pass')),
    );
    const empty = 'The key may send 2 items a second: 0 are left, and the call has 1, or as many KiB';
    expect([third, fourth]).toEqual([empty, empty]);
  });

  it('of two calls that come together and want all items, one gets them', async () => {
    const { app, key } = await limited(2);
    const answers = await Promise.all([send(app, key, 2), send(app, key, 2)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 429]);
  });

  it('a call to an unknown path counts as one item', async () => {
    const { app, key } = await limited(2);
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await get(app, '/nowhere', key)).statusCode);
    expect(statuses).toEqual([404, 404, 429]);
  });

  it('a malformed call counts as one item, and is refused like any other once no items are left', async () => {
    const { app, key } = await limited(10);
    const malformed = () =>
      app.inject({
        method: 'POST',
        url: '/batch',
        headers: { authorization: `Bearer ${key}` },
        payload: {},
      });
    for (let left = 9; left >= 0; left--) {
      const { statusCode, headers } = await malformed();
      expect([statusCode, headers['ratelimit']]).toEqual([400, `"items";r=${left};t=1`]);
    }
    expect((await malformed()).statusCode).toBe(429);
    vi.advanceTimersByTime(1_000);
    expect((await send(app, key, 10)).statusCode).toBe(200);
  });

  it('without a limit no answer speaks of one', async () => {
    const { app, key } = await limited(null);
    const answer = await send(app, key, 10_000);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).not.toHaveProperty('ratelimit-policy');
  });
});

describe('a route', () => {
  it('a route that states neither a scope nor that it is public, or states both, is refused when it is made', async () => {
    const app = await newApp();
    expect(() => app.get('/forgotten', () => 'open')).toThrow(
      'GET /forgotten has to state config.scope or config.public',
    );
    expect(() => app.get('/both', { config: { scope: 'read', public: true } }, () => 'open')).toThrow(
      'not both',
    );
  });

  it('a route that was made before the access plugin is closed to all', async () => {
    const app = fastify();
    onTestFinished(() => app.close());
    readDeadlines(app);
    app.get('/early', () => 'open');
    await app.register(access, { keys: new ApiKeys(books.pincex.session), itemsPerSecond: null });
    expect((await get(app, '/early')).statusCode).not.toBe(200);
    expect((await get(app, '/early', (await create()).key)).statusCode).toBe(500);
  });

  it('a public route has no caller to ask for', async () => {
    const app = await newApp();
    app.get('/who', { config: { public: true } }, ({ caller }) => caller);
    const answer = await get(app, '/who', (await create()).key);
    expect(answer.statusCode).toBe(500);
    // The cause is in the log and not in the answer.
    expect(answer.json<Problem>()).toMatchObject({ code: 'internal_error' });
    expect(answer.body).not.toContain('caller');
  });
});
