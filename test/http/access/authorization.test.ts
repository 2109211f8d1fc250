import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { Authenticator } from '../../../src/http/access/authenticate.ts';
import { SCOPES, type Scope } from '../../../src/apiKeys/scopes.ts';
import { ApiKeys } from '../../../src/apiKeys/store.ts';
import { fresh, useBooks } from '../../support/books.ts';
import { Contract, type Operation, type Received } from '../document/contract.ts';
import { makeKey, textOf, useService } from '../support.ts';

const books = useBooks();
const service = useService(books);

/**
 * The scopes that a key needs, all of them, as docs/http.md promises; null where no key is needed. The list is not taken
 * from the service: a service that asked for the wrong scope would document that, too.
 */
const NEEDED: Readonly<Record<string, readonly Scope[] | null>> = {
  'POST /v1/accounts/batch-create': ['funds:write'],
  'POST /v1/funds/batch-lock': ['funds:write'],
  'POST /v1/funds/batch-unlock': ['funds:write'],
  'POST /v1/funds/batch-deposit': ['funds:write'],
  'POST /v1/funds/batch-withdraw': ['funds:write'],
  'POST /v1/funds/batch-transfer': ['funds:write'],
  'POST /v1/orders/batch-create': ['orders:write'],
  'POST /v1/orders/batch-place': ['orders:write'],
  'POST /v1/orders/batch-cancel': ['orders:write'],
  'POST /v1/orders/batch-status': ['orders:write'],
  'POST /v1/trades/batch-settle': ['orders:write'],
  'POST /v1/batches': ['funds:write', 'orders:write'],
  // Any key may ask, and only the key that made the batch is told.
  'GET /v1/batches/{batchId}': [],
  'POST /v1/accounts/batch-get': ['read'],
  'POST /v1/accounts/statements/batch-get': ['read'],
  'POST /v1/orders/batch-get': ['read'],
  'POST /v1/users/orders/batch-get': ['read'],
  'POST /v1/trades/batch-get': ['read'],
  'POST /v1/order-books/batch-get': ['read'],
  'POST /v1/orders/open/batch-get': ['read'],
  'GET /v1/stream/accounts': ['read'],
  'GET /v1/stream/orders': ['read'],
  'GET /v1/stream/trades': ['read'],
  'GET /v1/stream/journal': ['read'],
  'GET /v1/stream/operations': ['read'],
  'GET /v1/alerts': ['read'],
  'POST /v1/alerts/{id}/acknowledge': ['admin'],
  'GET /v1/live': ['read'],
  'GET /v1/database': ['read'],
  'GET /v1/limits': ['read'],
  'GET /healthz': null,
  'GET /readyz': null,
};

interface Guarded {
  readonly operation: Operation;
  readonly needed: readonly Scope[];
}

let contract: Contract;
/** The operations of the document that need a key. */
let guarded: readonly Guarded[];
beforeAll(async () => {
  contract = await Contract.of(service.url, service.key);
  guarded = contract.operations.flatMap((operation) => {
    const needed = NEEDED[operation.name] ?? null;
    return needed === null ? [] : [{ operation, needed }];
  });
});

/** The body fits no operation: a caller with the right scopes gets a 400, and the books stay as they are. */
async function call(
  { method, path }: Operation,
  authorization?: string,
): Promise<Received & { readonly headers: Headers }> {
  const response = await fetch(`${service.url}${path.replaceAll(/\{\w+\}/g, 'none')}`, {
    method,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    },
    ...(method === 'POST' && { body: '[]' }),
  });
  const { status, headers } = response;
  return { status, headers, contentType: headers.get('content-type') ?? '', text: await textOf(response) };
}

/** The code of a problem. */
const codeOf = ({ text }: Received): unknown => (JSON.parse(text) as { code?: unknown }).code;

const isEnough = (scopes: readonly Scope[], needed: readonly Scope[]): boolean =>
  scopes.includes('admin') || needed.every((scope) => scopes.includes(scope));

/** Every set of scopes except the empty one. */
const SETS: readonly (readonly Scope[])[] = Array.from({ length: 2 ** SCOPES.length - 1 }, (_, bits) =>
  SCOPES.filter((_, i) => (((bits + 1) >> i) & 1) === 1),
);

describe('the OpenAPI document', () => {
  it('the document names the scopes of every operation, and those without any are open', async () => {
    const scopesOf = Object.fromEntries(contract.operations.map(({ name, scopes }) => [name, scopes]));
    expect(scopesOf).toEqual(NEEDED);
    const open = contract.operations.filter(({ scopes }) => scopes === null);
    for (const operation of open) expect((await call(operation)).status).toBe(200);
  });
});

describe('the documentation of a service that other machines can reach', () => {
  const reachable = useService(books, { host: '0.0.0.0' });

  it.each(['/openapi.json', '/docs/', '/docs/json'])(
    'the documentation needs a key itself: %s',
    async (path) => {
      const ask = async (authorization?: string): Promise<number> =>
        (await fetch(`${reachable.url}${path}`, { headers: { ...(authorization && { authorization }) } }))
          .status;
      expect(await ask()).toBe(401);
      expect(await ask(`Bearer ${await makeKey(reachable.pincex, 'funds:write')}`)).toBe(403);
      expect(await ask(`Bearer ${reachable.key}`)).toBe(200);
    },
  );

  const askWith = (path: string, name: string, password: string) =>
    fetch(`${reachable.url}${path}`, {
      headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` },
    });

  it.each(['', 'alice', 'älice'])(
    'the documentation takes the key as the password of "%s", as browsers send it',
    async (name) => {
      expect((await askWith('/docs/', name, reachable.key)).status).toBe(200);
    },
  );

  it('the documentation has browsers ask their users for a password where there is no valid one', async () => {
    const refused = await askWith('/docs/', 'alice', `${reachable.key.slice(0, -1)}x`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic realm="[^"]+", Bearer$/);
  });

  it('a call does not take the key as a password', async () => {
    const call = await askWith('/v1/limits', 'alice', reachable.key);
    expect(call.status).toBe(401);
    expect(call.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('every operation', () => {
  it('every operation is refused without a valid key', async () => {
    const { key, pincex } = service;
    const store = new ApiKeys(pincex.session);
    const other = await makeKey(pincex, 'admin');
    const [id, secret] = [key.split('_')[1]!, key.split('_')[2]!];
    const expired = await store.create({
      name: 'expired',
      scopes: ['admin'],
      expiresAt: new Date(Date.now() + 3_600_000),
    });
    const revoked = await store.create({ name: 'revoked', scopes: ['admin'] });
    for (const good of [expired, revoked]) {
      const authentication = await new Authenticator(store).authenticate(`Bearer ${good.key}`);
      expect(authentication).toHaveProperty('caller');
    }
    // The service has not seen these keys yet, so it remembers nothing of them.
    await store.revoke(revoked.id);
    await books.sql('UPDATE api_keys SET expires_at = now() WHERE id = $1', [expired.id]);
    const wrong: Record<string, string | undefined> = {
      'no key': undefined,
      'an empty header': '',
      'no scheme': key,
      'another scheme': `Basic ${key}`,
      'no secret': `Bearer pincex_${id}`,
      'two keys': `Bearer ${key} ${key}`,
      'a key in capitals': `Bearer ${key.toUpperCase()}`,
      'another prefix': `Bearer ${key.replace('pincex', 'sk')}`,
      'an unknown key': `Bearer pincex_${'0'.repeat(16)}_${secret}`,
      'the secret of another key': `Bearer pincex_${id}_${other.split('_')[2]!}`,
      'a secret that is cut': `Bearer ${key.slice(0, -1)}`,
      'an expired key': `Bearer ${expired.key}`,
      'a revoked key': `Bearer ${revoked.key}`,
    };
    for (const { operation } of guarded) {
      for (const [what, authorization] of Object.entries(wrong)) {
        const answer = await call(operation, authorization);
        const where = `${operation.name} with ${what}`;
        expect([where, answer.status, codeOf(answer)]).toEqual([where, 401, 'unauthorized']);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
        expect(contract.breach(operation, answer), where).toBeUndefined();
      }
    }
  });

  it('every operation takes the keys that have its scopes, and no other', async () => {
    for (const scopes of SETS) {
      const key = await makeKey(service.pincex, ...scopes);
      for (const { operation, needed } of guarded) {
        const answer = await call(operation, `Bearer ${key}`);
        const where = `${operation.name} with ${scopes.join(', ')}`;
        expect(contract.breach(operation, answer), where).toBeUndefined();
        if (isEnough(scopes, needed)) expect([401, 403], where).not.toContain(answer.status);
        else expect([where, answer.status, codeOf(answer)]).toEqual([where, 403, 'forbidden']);
      }
    }
  });
});

describe('the outcome of a batch', () => {
  it.each([
    ['recorded before it is executed', { batchId: randomUUID() }],
    ['recorded with its answer', {}],
  ])(
    'the outcome of a batch that was %s is told to the key that made it and to an admin, and to no other',
    async (_, named) => {
      const { post, get, pincex } = service;
      const as = async (...scopes: Scope[]) => ({
        authorization: `Bearer ${await makeKey(pincex, ...scopes)}`,
      });
      const maker = await as('funds:write', 'read');
      const { body } = await post<{ batchId: string }>(
        '/v1/accounts/batch-create',
        { ...named, items: [{ id: 'a', userId: fresh('user'), currency: 'USD' }] },
        maker,
      );
      const askedBy = async (who: Record<string, string>): Promise<number> =>
        (await get(`/v1/batches/${body.batchId}`, who)).status;
      expect(await askedBy(maker)).toBe(200);
      expect(await askedBy(await as('admin'))).toBe(200);
      expect(await askedBy(await as('funds:write', 'orders:write', 'read'))).toBe(404);
    },
  );
});
