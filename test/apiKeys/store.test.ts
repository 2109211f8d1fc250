import { describe, expect, it, onTestFinished } from 'vitest';
import type { Statement } from '../../src/database/statement.ts';
import type { Pincex } from '../../src/index.ts';
import { hashSecret, makeKey, parseKey } from '../../src/apiKeys/keySecrets.ts';
import { ApiKeys, type ApiKeyOptions } from '../../src/apiKeys/store.ts';
import { limits } from '../../src/limits.ts';
import { fresh, openBooks, useBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
import { createTestDatabase } from '../support/database.ts';
import { UNBOUND } from '../http/access/unbound.ts';

// No money moves here, so the books need no audit.
const books = useBooks({}, { audited: false });
const DAY_MS = 86_400_000;

/** Books without any API key. */
async function ownBooks(): Promise<{ pincex: Pincex }> {
  const database = await createTestDatabase();
  const pincex = await openBooks(database.url);
  onTestFinished(async () => {
    await pincex.close();
    await database.drop();
  });
  return { pincex };
}

describe('a created API key', () => {
  it('a created key is found by its id with all its options, and its secret is stored only as a hash', async () => {
    const keys = new ApiKeys(books.pincex.session);
    const expiresAt = new Date(Date.now() + DAY_MS);
    const { key, ...created } = await keys.create({
      name: 'settlement, {eu} "2"',
      scopes: ['read', 'funds:write'],
      expiresAt,
      rateLimit: 500,
    });
    expect(created).toEqual({
      id: parseKey(key)!.id,
      name: 'settlement, {eu} "2"',
      scopes: ['read', 'funds:write'],
      rateLimit: 500,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      expiresAt: expiresAt.toISOString(),
      revokedAt: null,
      isFirst: false,
      ...UNBOUND,
    });
    const secretHash = hashSecret(parseKey(key)!.secret);
    expect([...(await keys.find([created.id])).values()]).toEqual([{ ...created, secretHash }]);

    const [row] = await books.sql<{ all: string }>('SELECT k::text AS all FROM api_keys k WHERE id = $1', [
      created.id,
    ]);
    expect(row!.all).toContain(secretHash.toString('hex'));
    expect(row!.all).not.toContain(parseKey(key)!.secret);
  });

  it('a created key is found with its bounds', async () => {
    const keys = new ApiKeys(books.pincex.session);
    const bounds = {
      users: ['alice', 'bob, "the" {2nd}', '@fees'],
      userPrefix: 'desk1-',
      markets: ['BTC/USD'],
      addresses: ['10.0.0.0/8', '2001:db8::/32', '::1'],
    };
    const { id, key, ...created } = await keys.create({ name: 'bound', scopes: ['read'], ...bounds });
    expect(parseKey(key)!.id).toBe(id);
    expect(created).toMatchObject(bounds);
    expect((await keys.find([id])).get(id)).toMatchObject(bounds);
  });

  it('a created key never expires and has no rate limit of its own by default, and a repeated scope counts once', async () => {
    const { id } = await new ApiKeys(books.pincex.session).create({
      name: 'plain',
      scopes: ['read', 'read'],
    });
    const found = (await new ApiKeys(books.pincex.session).find([id])).get(id);
    expect(found).toMatchObject({ expiresAt: null, rateLimit: null, revokedAt: null, scopes: ['read'] });
  });

  const good: ApiKeyOptions = { name: 'good', scopes: ['read'] };
  it.each<[string, object]>([
    ['name', { name: '' }],
    ['name', { name: 'x'.repeat(limits.books.idLength + 1) }],
    ['name', { name: 'a\u0000b' }],
    ['name', { name: 'a\u001b[2J' }],
    ['name', { name: 5 }],
    ['scopes', { scopes: [] }],
    ['scopes', { scopes: 'read' }],
    ['scopes', { scopes: [null] }],
    ['scopes', { scopes: ['read', 'write'] }],
    ['expiresAt', { expires: '30d' }],
    ['expiresAt', { expiresAt: '2030-01-01' }],
    ['expiresAt', { expiresAt: new Date(Date.now() - 1) }],
    ['expiresAt', { expiresAt: new Date(NaN) }],
    ['expiresAt', { expiresAt: new Date('+012026-01-01T00:00:00Z') }],
    ['users', { users: [] }],
    ['users', { users: 'alice' }],
    ['users', { users: ['alice', ''] }],
    ['users', { users: [undefined] }],
    ['users', { users: ['@outside'] }],
    ['users', { users: Array.from({ length: limits.apiKeys.bounds + 1 }, (_, n) => `u${n}`) }],
    ['userPrefix', { userPrefix: '' }],
    ['userPrefix', { userPrefix: '@' }],
    ['userPrefix', { userPrefix: 5 }],
    ['markets', { markets: [] }],
    ['markets', { markets: ['BTC'] }],
    ['addresses', { addresses: ['10.0.0.0/33'] }],
    ['addresses', { addresses: ['10.0.0/8'] }],
    ['addresses', { addresses: ['::1/'] }],
    ['addresses', { addresses: ['localhost'] }],
    ['rate limit', { rateLimit: '5' }],
    ['rate limit', { rateLimit: 0 }],
    ['rate limit', { rateLimit: 1.5 }],
    ['rate limit', { rateLimit: limits.apiKeys.itemsPerSecond + 1 }],
  ])('the creation of a key is refused for its %s: %j', async (what, wrong) => {
    const creating = new ApiKeys(books.pincex.session).create({ ...good, ...wrong });
    await expect(creating).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(what) as string,
    });
  });
});

describe('the table api_keys', () => {
  it.each([
    ["'\\x00', 'n', '{read}', null", 'secret_hash'],
    ["sha256('s'), 'n', '{}', null", 'scopes'],
    ["sha256('s'), 'n', '{write}', null", 'scopes'],
    ["sha256('s'), 'n', '{read}', 0", 'rate_limit'],
  ])('the table api_keys refuses %s', async (values, column) => {
    const insert = `INSERT INTO api_keys (id, secret_hash, name, scopes, rate_limit) VALUES ('${fresh('k')}', ${values})`;
    await expect(books.sql(insert)).rejects.toThrow(`api_keys_${column}_check`);
  });
});

describe('the first key', () => {
  it('the first key is created once, and not again after it was revoked', async () => {
    const { pincex } = await ownBooks();
    const keys = new ApiKeys(pincex.session);
    const first = await keys.createFirst();
    expect(first).toMatchObject({ name: 'first', scopes: ['admin'], expiresAt: null, rateLimit: null });
    expect(first!.isFirst).toBe(true);
    await keys.revoke(first!.id);
    expect(await keys.createFirst()).toBeUndefined();
  });

  it('the first key has a random id', async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => (await new ApiKeys((await ownBooks()).pincex.session).createFirst())!.id),
    );
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).not.toMatch(/^0{8}/);
  });

  it('the first key is the one that is given', async () => {
    const { pincex } = await ownBooks();
    const { id, key, secretHash } = makeKey();
    const keys = new ApiKeys(pincex.session);
    expect(await keys.createFirst(key)).toMatchObject({ id, key, scopes: ['admin'], isFirst: true });
    expect((await keys.find([id])).get(id)!.secretHash).toEqual(secretHash);
    expect(await keys.createFirst(makeKey().key)).toBeUndefined();
  });

  it('a second first key is not created while another transaction is creating one', async () => {
    const { pincex } = await ownBooks();
    let second: Promise<unknown> | undefined;
    await pincex.transaction(async ({ client }) => {
      const inside = new ApiKeys({
        query: async <Row>({ text }: Statement, values?: readonly (string | null)[]) =>
          (await client.query(text, [...(values ?? [])])).rows as Row[],
      });
      expect(await inside.createFirst()).toBeDefined();
      second = new ApiKeys(pincex.session).createFirst();
      await until('the second to wait', async () => {
        const { rowCount } = await client.query(
          'SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))',
        );
        return rowCount !== 0;
      });
    });
    expect(await second).toBeUndefined();
    expect(await new ApiKeys(pincex.session).list()).toHaveLength(1);
  });

  it('the first key is not created where another key exists', async () => {
    const { pincex } = await ownBooks();
    const keys = new ApiKeys(pincex.session);
    await keys.create({ name: 'ann', scopes: ['read'] });
    expect(await keys.createFirst()).toBeUndefined();
  });
});

describe('stored API keys', () => {
  it('keys are listed oldest first, without their hashes', async () => {
    const keys = new ApiKeys(books.pincex.session);
    const first = await keys.create({ name: 'first', scopes: ['read'] });
    const second = await keys.create({ name: 'second', scopes: ['admin'] });
    const listed = (await keys.list()).slice(-2);
    expect(listed.map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(Object.keys(listed[0]!)).not.toContain('secretHash');
  });

  it('a key is revoked for ever, and revoking it again keeps the first time', async () => {
    const keys = new ApiKeys(books.pincex.session);
    const [{ id }, other] = [
      await keys.create({ name: 'gone', scopes: ['read'] }),
      await keys.create({ name: 'stays', scopes: ['read'] }),
    ];
    const { revokedAt } = await keys.revoke(id);
    expect(Date.now() - Date.parse(revokedAt!)).toBeLessThan(60_000);
    expect((await keys.revoke(id)).revokedAt).toBe(revokedAt);
    const found = await keys.find([id, other.id, makeKey().id]);
    expect([...found.keys()].sort()).toEqual([id, other.id].sort());
    expect(found.get(id)!.revokedAt).toBe(revokedAt);
    expect(found.get(other.id)!.revokedAt).toBeNull();
  });

  it('an unknown key is not found and cannot be revoked, and the message does not repeat the given id', async () => {
    const keys = new ApiKeys(books.pincex.session);
    expect((await keys.find(['0000000000000000'])).size).toBe(0);
    const { key } = await keys.create({ name: 'mistaken for its id', scopes: ['read'] });
    for (const id of ['0000000000000000', key, 'a\u0000b']) {
      const error: unknown = await keys.revoke(id).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid_argument' });
      expect(String(error)).not.toContain(id);
    }
  });
});
