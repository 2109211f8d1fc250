import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Pincex, type PincexTransaction } from '../../src/index.ts';
import { configOf, expectApplied, fresh, funds, newUser, openBooks, useBooks } from '../support/books.ts';
import { gate, until } from '../support/waiting.ts';

const books = useBooks();

const lock = (userId: string, id: string, amount: string) => ({
  id,
  userId,
  currency: 'USD',
  amount,
  orderId: `o-${id}`,
});
const deposit = (userId: string, amount = '5') => ({ id: 'd', userId, currency: 'USD', amount });

/** A connection that does not belong to the Pincex. */
async function otherClient(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: books.url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

describe('a transaction', () => {
  it('a transaction commits several batches together, and they are visible to others only after the commit', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    await books.pincex.transaction(async (tx) => {
      expectApplied(await tx.bookkeeper.batchLockFunds([lock(userId, 'a', '10')]));
      expectApplied(
        await tx.trading.batchPlaceOrders([
          { id: 'p', userId, symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '1', price: '20' },
        ]),
      );
      expectApplied(await tx.execute([{ command: 'withdraw', ...deposit(userId), id: 'w' }]));
      expect((await tx.bookkeeper.getAccount(userId, 'USD'))!.locked).toBe('30');
      expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
    });
    expect(await funds(books.pincex, userId, 'USD')).toBe('65 / 30');
  });

  it('a transaction whose work throws leaves nothing, and throws the same error', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const failure = new Error('changed my mind');
    await expect(
      books.pincex.transaction(async (tx) => {
        expectApplied(await tx.bookkeeper.batchLockFunds([lock(userId, 'a', '10')]));
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([lock(userId, 'a', '11')]));
  });

  it('a transaction returns what its work returns, and a rejected item does not end it', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const answer = await books.pincex.transaction(async (tx) => {
      expect(await tx.bookkeeper.lockFunds(lock(userId, 'a', '11'))).toMatchObject({ status: 'rejected' });
      expect(await tx.bookkeeper.lockFunds(lock(userId, 'a', '10'))).toMatchObject({ status: 'applied' });
      return 42;
    });
    expect(answer).toBe(42);
    expect(await funds(books.pincex, userId, 'USD')).toBe('0 / 10');
  });

  it('the caller’s own statements are committed and rolled back with the transaction', async () => {
    await books.sql('CREATE TABLE IF NOT EXISTS notes (text text)');
    const userId = await newUser(books.pincex, { USD: '10' });
    const work = (isFailing: boolean) => async (tx: PincexTransaction) => {
      await tx.client.query('INSERT INTO notes VALUES ($1)', [userId]);
      await tx.bookkeeper.lockFunds(lock(userId, 'a', '10'));
      if (isFailing) throw new Error('no');
    };
    await expect(books.pincex.transaction(work(true))).rejects.toThrow('no');
    expect(await books.sql('SELECT FROM notes WHERE text = $1', [userId])).toHaveLength(0);
    await books.pincex.transaction(work(false));
    expect(await books.sql('SELECT FROM notes WHERE text = $1', [userId])).toHaveLength(1);
  });

  it('a transaction that a failed statement of the caller’s aborted is not reported as committed', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const call = books.pincex.transaction(async (tx) => {
      await tx.bookkeeper.lockFunds(lock(userId, 'a', '10'));
      // The caller swallows the error, but PostgreSQL has aborted the transaction.
      await tx.client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(call).rejects.toThrow();
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
  });

  it('a transaction is applied when another connection creates the same new account meanwhile', async () => {
    const userId = fresh('user');
    const loaded = gate();
    // Keeps the persist statement of the transaction waiting until the account is committed.
    const other = await otherClient();
    await other.query('BEGIN');
    await other.query(
      `INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at) VALUES ($1, 'USD', 0, 0, now(), now())`,
      [userId],
    );
    const mine = await openBooks(books.url);
    onTestFinished(() => mine.close());
    let runs = 0;
    const done = mine.transaction(async (tx) => {
      runs++;
      await tx.client.query(`SELECT set_config('application_name', 'waits here', true)`);
      loaded.open();
      expectApplied(await tx.bookkeeper.batchDeposit([deposit(userId)]));
    });
    await loaded.opened;
    await until('the insert to wait for the other one', () => isWaiting());
    await other.query('COMMIT');
    await done;
    expect(runs).toBe(1);
    expect(await funds(books.pincex, userId, 'USD')).toBe('5 / 0');
  });

  it('batches that are started together in a transaction run one after the other', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    await books.pincex.transaction(async (tx) => {
      const batches = await Promise.all(
        ['a', 'b', 'c', 'd'].map((id) => tx.bookkeeper.batchLockFunds([lock(userId, id, '10')])),
      );
      for (const batch of batches) expectApplied(batch);
    });
    expect(await funds(books.pincex, userId, 'USD')).toBe('60 / 40');
  });

  it('a transaction that throws while one of its batches is in flight leaves nothing of that batch either', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    for (let round = 0; round < 3; round++) {
      const failing = books.pincex.transaction(async (tx) => {
        void tx.bookkeeper.batchDeposit([{ ...deposit(userId, '7'), id: `late-${round}` }]);
        for (let query = 0; query < round; query++) await tx.client.query('SELECT 1');
        throw new Error('enough');
      });
      await expect(failing).rejects.toThrow('enough');
      expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
    }
  });

  it('a transaction that has ended refuses batches as closed', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const tx = await books.pincex.transaction((tx) => Promise.resolve(tx));
    await expect(tx.bookkeeper.batchDeposit([deposit(userId)])).rejects.toMatchObject({ code: 'closed' });
    expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
  });

  it('a transaction needs no second connection, not even for the first batch of a process', async () => {
    const pincex = await Pincex.open({ config: configOf(books.url, { PINCEX_DATABASE_POOL_MAX: '1' }) });
    onTestFinished(() => pincex.close());
    const userId = fresh('user');
    await pincex.transaction(async (tx) => {
      expectApplied(await tx.bookkeeper.batchDeposit([deposit(userId)]));
      const [result] = (await tx.bookkeeper.batchDeposit([{ ...deposit(userId), currency: 'NONE' }])).results;
      expect(result).toMatchObject({ status: 'rejected', error: { code: 'unknown_currency' } });
    });
    expect(await funds(pincex, userId, 'USD')).toBe('5 / 0');
  });

  it('a transaction that deadlocks with another is retried from its beginning, and both commit', async () => {
    const [ann, bob] = [
      await newUser(books.pincex, { USD: '100' }),
      await newUser(books.pincex, { USD: '100' }),
    ];
    const runs = { there: 0, back: 0 };
    const [annIsLocked, bobIsLocked] = [gate(), gate()];
    const both = async (
      name: 'there' | 'back',
      first: string,
      second: string,
      mine: ReturnType<typeof gate>,
      theirs: ReturnType<typeof gate>,
    ) =>
      books.pincex.transaction(async (tx) => {
        runs[name]++;
        expectApplied(await tx.bookkeeper.batchLockFunds([lock(first, name, '10')]));
        mine.open();
        await theirs.opened;
        expectApplied(await tx.bookkeeper.batchLockFunds([lock(second, name, '10')]));
      });
    await Promise.all([
      both('there', ann, bob, annIsLocked, bobIsLocked),
      both('back', bob, ann, bobIsLocked, annIsLocked),
    ]);
    expect(runs.there + runs.back).toBe(3);
    expect(await funds(books.pincex, ann, 'USD')).toBe('80 / 20');
    expect(await funds(books.pincex, bob, 'USD')).toBe('80 / 20');
  });

  it('a transaction that loses its connection fails with database_unavailable and leaves nothing', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const call = books.pincex.transaction(async (tx) => {
      await tx.bookkeeper.lockFunds(lock(userId, 'a', '10'));
      const { rows } = await tx.client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid');
      await books.sql('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      await tx.bookkeeper.lockFunds(lock(userId, 'b', '1'));
    });
    await expect(call).rejects.toMatchObject({ code: 'database_unavailable', retryable: true });
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
  });
});

async function isWaiting(): Promise<boolean> {
  const rows = await books.sql(
    `SELECT FROM pg_stat_activity WHERE application_name = 'waits here' AND wait_event_type = 'Lock'`,
  );
  return rows.length > 0;
}

it('a committed batch is visible to the next batch at once', async () => {
  const seen: Pick<Pincex, 'bookkeeper'> = books.pincex;
  const userId = await newUser(books.pincex, { USD: '10' });
  for (const id of ['a', 'b', 'c'])
    expectApplied(await seen.bookkeeper.batchLockFunds([lock(userId, id, '3')]));
  expect(await funds(books.pincex, userId, 'USD')).toBe('1 / 9');
});
