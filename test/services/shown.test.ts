import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { useBooks } from '../support/books.ts';

const books = useBooks();

it('an inspected or serialized Pincex shows its URL without the password', async () => {
  const { pincex } = books;
  const { password } = new URL(books.url);
  expect(password).not.toBe('');
  const url = new URL(books.url);
  url.password = '';
  expect(pincex.url).toBe(url.href);
  for (const shown of [inspect(pincex, { depth: 9, showHidden: true }), JSON.stringify({ pincex })]) {
    expect(shown).toContain(pincex.url);
    expect(shown).not.toContain(password);
  }
  expect(pincex.connectionString).toBe(books.url);
  await withClient(pincex.connectionString, (client) => client.query('SELECT FROM accounts'));
});
