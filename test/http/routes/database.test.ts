import { expect, it, vi } from 'vitest';
import { Pincex } from '../../../src/index.ts';
import { PincexClient, type DatabaseState } from '../../../src/client/index.ts';
import { holdClock } from '../../support/clock.ts';
import { useBooks } from '../../support/books.ts';
import { serve } from '../support.ts';

const books = useBooks();

it('the state of the database has the findings of the doctor with their remedies, the use of indexes and the last audit', async () => {
  await books.sql('CREATE INDEX orders_again ON orders (user_id, id)');
  const service = await serve(books);
  await service.pincex.audit();
  const { body } = await service.get<DatabaseState>('/v1/database');
  expect(body.findings).toContainEqual(
    expect.objectContaining({
      subject: 'index orders_again',
      remedy: expect.stringContaining('DROP INDEX') as string,
    }),
  );
  expect(body.indexes).toContainEqual(
    expect.objectContaining({ table: 'accounts', name: 'accounts_pkey', isUnique: true }),
  );
  expect(body.indexes.map(({ name }) => name)).toContain('orders_again');
  expect(body.audit).toMatchObject({ findings: 0, checks: [] });
  expect(Date.parse(body.audit!.madeAt)).toBeLessThanOrEqual(Date.parse(body.at) + 60_000);
  await books.sql('DROP INDEX orders_again');
});

it('the doctor looks once in 30 seconds, however many ask, and again after it failed', async () => {
  const service = await serve(books);
  const client = new PincexClient({ url: service.url, key: service.key, maxRetries: 0 });
  const clock = holdClock();
  const doctor = vi.spyOn(Pincex.prototype, 'doctor').mockRejectedValueOnce(new Error('broken'));
  try {
    await expect(client.getDatabase()).rejects.toMatchObject({ status: 500 });
    const answers = await Promise.all([client.getDatabase(), client.getDatabase(), client.getDatabase()]);
    expect(new Set(answers.map(({ at }) => at)).size).toBe(1);
    expect(doctor).toHaveBeenCalledTimes(2);
    clock.pass(30_001);
    await client.getDatabase();
    expect(doctor).toHaveBeenCalledTimes(3);
  } finally {
    doctor.mockRestore();
  }
});
