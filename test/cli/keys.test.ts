import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashSecret, parseKey } from '../../src/apiKeys/keySecrets.ts';
import { ApiKeys, type ApiKey, type CreatedKey } from '../../src/apiKeys/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { pincexCli } from '../support/commandLine.ts';
import { openBooks } from '../support/books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const keys = (...args: string[]) => pincexCli(['keys', ...args], { env: { DATABASE_URL: database.url } });

describe('pincex keys', () => {
  it('pincex keys create prints the key alone on standard output, and stores its options and the hash of its secret', async () => {
    const run = await keys(
      ...['create', '--name', 'settlement', '--scope', 'read', '--scope', 'funds:write'],
      ...['--expires', '90d', '--rate', '500'],
    );
    expect(run.exitCode).toBe(0);
    const { id, secret } = parseKey(run.stdout.trimEnd())!;
    expect(run.stdout).toBe(`pincex_${id}_${secret}\n`);
    expect(run.stderr).toBe(`Keep the key of ${id}: it is not stored and will not be shown again\n`);

    const pincex = await openBooks(database.url);
    const found = (await new ApiKeys(pincex.session).find([id])).get(id)!;
    await pincex.close();
    expect(found).toMatchObject({ name: 'settlement', scopes: ['read', 'funds:write'], rateLimit: 500 });
    expect(found.secretHash).toEqual(hashSecret(secret));
    const days = (Date.parse(found.expiresAt!) - Date.parse(found.createdAt)) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThan(90.1);
  });

  it('pincex keys list shows a key, and pincex keys revoke revokes it', async () => {
    const run = await keys(
      ...['create', '--name', 'desk', '--scope', 'admin', '--json', '--expires', '2099-01-31T12:00:00+01:00'],
    );
    const { key, ...stored } = JSON.parse(run.stdout) as CreatedKey;
    const { id } = stored;
    expect(parseKey(key)!.id).toBe(id);
    expect(stored.expiresAt).toBe('2099-01-31T11:00:00.000Z');

    const json = JSON.parse((await keys('list', '--json')).stdout) as ApiKey[];
    expect(json.find((other) => other.id === id)).toEqual(stored);

    const revoked = await keys('revoke', id);
    expect(revoked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(revoked.stdout).toMatch(new RegExp(`^${id} \\(desk\\) is revoked since \\S+Z\n$`));
    const list = await keys();
    expect(list.stdout).toMatch(new RegExp(`^${id} +desk +admin +\\S+Z +2099-\\S+Z +revoked$`, 'm'));
    expect(list.stdout).toMatch(/ settlement +read funds:write +500 .* valid$/m);
  });

  it('pincex keys create binds a key to users, markets and addresses', async () => {
    const run = await keys(
      ...['create', '--name', 'desk 1', '--scope', 'read', '--json', '--users', 'alice,bob'],
      ...['--user-prefix', 'desk1-', '--markets', 'BTC/USD, ETH/USD', '--addresses', '10.0.0.0/8'],
    );
    expect(JSON.parse(run.stdout)).toMatchObject({
      users: ['alice', 'bob'],
      userPrefix: 'desk1-',
      markets: ['BTC/USD', 'ETH/USD'],
      addresses: ['10.0.0.0/8'],
    });
    expect((await keys()).stdout).toMatch(
      / desk 1 +read +users alice,bob users desk1-… markets BTC\/USD,ETH\/USD from 10\.0\.0\.0\/8 /,
    );
    const wrong = await keys('create', '--name', 'x', '--scope', 'read', '--addresses', '10.0.0.0/64');
    expect(wrong).toMatchObject({ exitCode: 1, stdout: '' });
    expect(wrong.stderr).toContain('10.0.0.0/64');
  });

  it('pincex keys revoke refuses an unknown id', async () => {
    const run = await keys('revoke', '0000000000000000');
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toBe('');
    expect(run.stderr).toMatch(/^pincex: No API key has this id; .*\(invalid_argument\)\n$/);
  });

  it('pincex keys create refuses an expiry time in the past', async () => {
    const run = await keys('create', '--name', 'x', '--scope', 'read', '--expires', '2020-01-01T00:00:00Z');
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toMatch(/^pincex: .* in the future.*\(invalid_argument\)\n$/);
  });

  it.each([
    [['create'], '--name'],
    [['create', '--name', 'x'], '--scope'],
    [['create', '--name', 'x', '--scope', 'write'], 'read, funds:write, orders:write, house, metrics, admin'],
    [['create', '--name', 'x', '--scope', 'read', '--rate', '0'], 'whole number from 1 to'],
    [['create', '--name', 'x', '--scope', 'read', '--expires', 'soon'], '12h or 90d'],
    [['create', '--name', 'x', '--scope', 'read', '--expires', '2030-02-30T00:00:00Z'], '12h or 90d'],
    [['revoke'], 'id'],
  ])('pincex keys refuses the arguments %j with a message and without a stack trace', async (args, says) => {
    const env = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };
    const run = await pincexCli(['keys', ...args], { env });
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain(says);
    expect(run.stderr).not.toContain('    at ');
  });
});
