import { expect, it, onTestFinished } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { migrateDown, migrateUp } from '../../src/migrations/runner.ts';
import { openBooks } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';

it('taking the scope metrics back revokes the keys that have nothing else, and takes it from the others', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { url } = database;
  const before = await openBooks(url);
  await before.apiKeys.create({ name: 'scraper', scopes: ['metrics'] });
  await before.apiKeys.create({ name: 'reader', scopes: ['read', 'metrics'] });
  await before.apiKeys.create({ name: 'writer', scopes: ['funds:write'] });
  await before.apiKeys.create({ name: 'twice', scopes: ['metrics'] });
  await before.close();
  const twice = `UPDATE api_keys SET scopes = ARRAY['metrics', 'metrics'] WHERE name = 'twice'`;
  await withClient(url, (client) => client.query(twice));
  await withClient(url, (client) => migrateDown(client, { to: 19 }));
  await withClient(url, migrateUp);
  const after = await openBooks(url);
  const keys = (await after.apiKeys.list()).map(({ name, scopes, revokedAt }) => [
    name,
    scopes.join(),
    revokedAt !== null,
  ]);
  await after.close();
  expect(keys).toEqual([
    ['scraper', 'read', true],
    ['reader', 'read', false],
    ['writer', 'funds:write', false],
    ['twice', 'read', true],
  ]);
});
