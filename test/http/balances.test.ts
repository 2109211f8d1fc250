import { describe, expect, it } from 'vitest';
import { fresh, newUser, useBooks } from '../support/books.ts';
import { makeKey, useService } from './support.ts';

const books = useBooks();
const service = useService(books);

interface Batch {
  readonly batchId: string;
  readonly results: readonly { readonly error?: { readonly code: string; readonly message: string } }[];
}

describe('what an account or a hold has', () => {
  /** Two items, each of which needs more than there is. */
  async function refusedBy(scopes: 'funds:write'[] | ('funds:write' | 'read')[]) {
    const userId = await newUser(books.pincex, { USD: '987.65' });
    const lock = { id: fresh('l'), userId, currency: 'USD', amount: '123.45', orderId: 'o' };
    await books.pincex.bookkeeper.batchLockFunds([lock]);
    const items = [
      { command: 'withdraw', id: 'w', userId, currency: 'USD', amount: '5000' },
      { command: 'unlockFunds', id: 'u', userId, currency: 'USD', amount: '500', orderId: 'o' },
    ];
    const key = await makeKey(books.pincex, 'orders:write', ...scopes);
    const headers = { authorization: `Bearer ${key}`, 'idempotency-key': `"${fresh('k')}"` };
    const first = await service.post<Batch>('/v1/batches', { items }, headers);
    const again = await service.post<Batch>('/v1/batches', { items }, headers);
    const { authorization } = headers;
    const asked = await service.get<Batch>(`/v1/batches/${first.body.batchId}`, { authorization });
    const atomic = await service.post<{ batch: Batch }>(
      '/v1/batches',
      { items, mode: 'atomic' },
      { authorization },
    );
    expect(again.headers.get('idempotency-hit')).toBe('true');
    return { results: first.body.results, texts: [first.text, again.text, asked.text, atomic.text] };
  }

  it('is told by the messages of rejected items to a key that may read', async () => {
    const { results, texts } = await refusedBy(['funds:write', 'read']);
    expect(results.map(({ error }) => error?.code)).toEqual(['insufficient_funds', 'hold_exceeded']);
    expect(texts[0]).toContain('864.2 USD available');
    expect(texts[0]).toContain('has 123.45 USD');
  });

  it('is told to no other, neither at once nor again', async () => {
    const { results, texts } = await refusedBy(['funds:write']);
    expect(results.map(({ error }) => error)).toEqual([
      {
        code: 'insufficient_funds',
        retryable: true,
        message:
          'Item 0 (w): the account has less available than this needs; keys with the scope read are told how much',
      },
      {
        code: 'hold_exceeded',
        retryable: true,
        message: 'Item 1 (u): the hold has less than this needs; keys with the scope read are told how much',
      },
    ]);
    for (const text of texts) expect(text).not.toMatch(/864\.2|123\.45/);
  });
});
