import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectApplied, fresh, newUser, useBooks } from '../../support/books.ts';
import { makeKey, useService } from '../support.ts';

const books = useBooks();
const service = useService(books);

interface Batch {
  readonly batchId: string;
  readonly results: readonly { readonly error?: { readonly code: string; readonly message: string } }[];
}

describe('the amounts that an account or a hold has', () => {
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

  it('rejected items tell a key with the scope read how much there is', async () => {
    const { results, texts } = await refusedBy(['funds:write', 'read']);
    expect(results.map(({ error }) => error?.code)).toEqual(['insufficient_funds', 'hold_exceeded']);
    expect(texts[0]).toContain('864.2 USD available');
    expect(texts[0]).toContain('has 123.45 USD');
  });

  it('rejected items do not tell a key without the scope read how much there is, neither at once nor again', async () => {
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

describe('an id that another key used', () => {
  it('a key with the scope read is told what another key used an id for, and other keys only that it was used', async () => {
    const userId = await newUser(books.pincex);
    const deposit = { id: 'd', userId, currency: 'USD', amount: '7' };
    const sent = { batchId: randomUUID(), actor: 'key:another' };
    expectApplied(await books.pincex.bookkeeper.batchDeposit([deposit], sent));
    const withdraw = async (...scopes: 'read'[]) => {
      const key = await makeKey(books.pincex, 'funds:write', ...scopes);
      const { amount, ...rest } = deposit;
      const body = { items: [{ ...rest, amount: `${amount}0` }] };
      const { body: batch, text } = await service.post<Batch>('/v1/funds/batch-withdraw', body, {
        authorization: `Bearer ${key}`,
      });
      expect(text).not.toContain(sent.batchId);
      expect(text).not.toContain(sent.actor);
      return batch.results[0]!.error;
    };
    expect((await withdraw('read'))?.message).toContain(`${userId} used the id d before for a deposit`);
    expect(await withdraw()).toEqual({
      code: 'id_reused',
      retryable: false,
      message: 'Item 0 (d): the user used this id before with other content; give this item an id of its own',
    });
  });
});
