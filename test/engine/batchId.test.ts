import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PincexError } from '../../src/index.ts';
import { anyway, fresh, newUser, useBooks } from '../support/books.ts';

const books = useBooks();

const deposit = (userId: string) => ({ id: fresh('d'), userId, currency: 'USD', amount: '1' });
const batchOf = async (userId: string, id: string) => {
  const [row] = await books.sql<{ batch_id: string }>(
    'SELECT batch_id FROM operations WHERE user_id = $1 AND id = $2',
    [userId, id],
  );
  return row?.batch_id;
};

describe('the id of a batch', () => {
  it('the id of a batch is a new UUID that sorts by time, unless the caller gives one', async () => {
    const item = deposit(await newUser(books.pincex));
    const { batchId } = await books.pincex.bookkeeper.batchDeposit([item]);
    expect(batchId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(await batchOf(item.userId, item.id)).toBe(batchId);
  });

  it('an id that the caller gives is returned and stored in lower case', async () => {
    const item = deposit(await newUser(books.pincex));
    const own = randomUUID();
    const { batchId } = await books.pincex.execute([{ command: 'deposit', ...item }], {
      batchId: own.toUpperCase(),
    });
    expect(batchId).toBe(own);
    expect(await batchOf(item.userId, item.id)).toBe(own);
    const inTransaction = deposit(item.userId);
    const other = randomUUID();
    await books.pincex.transaction((tx) => tx.bookkeeper.batchDeposit([inTransaction], { batchId: other }));
    expect(await batchOf(item.userId, inTransaction.id)).toBe(other);
  });

  it.each([['no-uuid'], [''], [7], [null], [`${randomUUID()} `]])(
    'the batch id %j is refused',
    async (batchId) => {
      const item = deposit(await newUser(books.pincex));
      const refused = books.pincex.bookkeeper.batchDeposit([item], { batchId: anyway<string>(batchId) });
      await expect(refused).rejects.toThrow(PincexError);
      await expect(refused).rejects.toMatchObject({ code: 'invalid_batch' });
      expect(await batchOf(item.userId, item.id)).toBeUndefined();
    },
  );
});
