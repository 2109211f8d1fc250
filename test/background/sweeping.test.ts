import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Requests } from '../../src/requests/requests.ts';
import { Pincex } from '../../src/index.ts';
import { expectApplied, funds, newUser, useBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
import { serve } from '../http/support.ts';

// The service sweeps every second; here such a second is over at once.
vi.mock('node:timers/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:timers/promises')>();
  const setTimeout: typeof real.setTimeout = (ms, ...rest) => real.setTimeout(ms === 1_000 ? 1 : ms, ...rest);
  return { ...real, setTimeout };
});

const books = useBooks();

it('the service gives expired holds back by itself, also after a sweep has failed', async () => {
  const sweep = vi.spyOn(Pincex.prototype, 'sweepExpired').mockRejectedValueOnce(new Error('no'));
  onTestFinished(() => {
    sweep.mockRestore();
  });
  const userId = await newUser(books.pincex, { USD: '10' });
  const expiresAt = '2020-01-01T00:00:00.000Z';
  const item = { id: 'l', userId, currency: 'USD', amount: '4', orderId: 'o', expiresAt };
  expectApplied(await books.pincex.bookkeeper.batchLockFunds([item]));
  await serve(books);
  await until(
    'the hold to be given back',
    async () => (await funds(books.pincex, userId, 'USD')) === '10 / 0',
  );
  expect(sweep.mock.settledResults[0]).toMatchObject({ type: 'rejected' });
});

it('the service deletes answers that are kept no longer', async () => {
  const requests = new Requests(books.pincex, { retentionMs: 0 });
  const batchId = randomUUID();
  const answer = { status: 200, body: '{}' };
  const writer = requests.answerWriter({ caller: 'caller', route: '/', batchId });
  await books.pincex.run('mixed', [], { writeWith: [() => writer.partFor(answer)] });
  const kept = () => books.sql('SELECT FROM requests WHERE batch_id = $1', [batchId]);
  expect(await kept()).toHaveLength(1);
  await serve(books);
  await until('the answer to be deleted', async () => (await kept()).length === 0);
});
