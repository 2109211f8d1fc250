import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CatalogStore } from '../../src/catalog/store.ts';
import { Database, type Session } from '../../src/database/database.ts';
import { Engine, type Strategy } from '../../src/engine/engine.ts';
import type { Write } from '../../src/engine/write.ts';
import { configOf, fresh, funds, newUser, openBooks, outcomes, useBooks } from '../support/books.ts';

/** `writeWith`: rows that are written in the same statement as a batch. */

const books = useBooks();

beforeAll(async () => {
  await books.sql(`
    CREATE TABLE notes (
      id text PRIMARY KEY, batch_id uuid, applied int, available text, place int GENERATED ALWAYS AS IDENTITY
    )`);
});

/** Inserts a row with the result of the batch, or none if a row of that id exists. */
const note =
  (id: string, name = 'note'): Write =>
  ({ batchId, counts, results: [first] }) => ({
    name,
    text: `
      INSERT INTO notes (id, batch_id, applied, available) VALUES ($1, $2::uuid, $3::int, $4)
      ON CONFLICT DO NOTHING
      RETURNING 1`,
    values: [
      id,
      batchId,
      String(counts.applied),
      first?.status === 'applied' ? (first.data as { available: string }).available : null,
    ],
  });

const notesOf = (ids: readonly string[]) =>
  books.sql('SELECT id, batch_id, applied FROM notes WHERE id = ANY ($1) ORDER BY place', [ids]);

const lock = (userId: string, amount = '4') => ({
  id: fresh('lock'),
  userId,
  currency: 'USD',
  amount,
  orderId: fresh('order'),
});

/** An engine whose database calls `beforeWriting` once, before the first persist statement. */
function engineThat(strategy: Strategy, beforeWriting: () => Promise<void> = () => Promise.resolve()) {
  const pool = configOf(books.url).database.pool;
  let before: (() => Promise<void>) | undefined = beforeWriting;
  class Late extends Database {
    override async query<Row>(...[statement, values]: Parameters<Session['query']>): Promise<Row[]> {
      if (statement.name.startsWith('persist:')) {
        const once = before;
        before = undefined;
        await once?.();
      }
      return super.query<Row>(statement, values);
    }
  }
  const database = new Late({ url: books.url, ...pool, queryHints: true });
  onTestFinished(() => database.close());
  return { database, engine: new Engine(database, new CatalogStore(database), strategy) };
}

describe.each<Strategy>(['guard', 'lock'])('the writes of writeWith (strategy %s)', (strategy) => {
  it('all writes are written in their order, and each gets the result of the batch', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const ids = ['z', 'a', 'm'].map(fresh);
    const { engine } = engineThat(strategy);
    const items = [lock(userId), lock(userId, '400')];
    const { batchId } = await engine.run('lockFunds', items, { writeWith: ids.map((id) => note(id)) });
    expect(await notesOf(ids)).toEqual(ids.map((id) => ({ id, batch_id: batchId, applied: 1 })));
    expect(await funds(books.pincex, userId, 'USD')).toBe('6 / 4');
  });

  it('the writes are written also when no item is applied', async () => {
    const ids = ['a', 'b'].map(fresh);
    const { engine } = engineThat(strategy);
    const batch = await engine.run('lockFunds', [lock(fresh('nobody'))], {
      writeWith: ids.map((id) => note(id)),
    });
    expect(outcomes(batch)).toEqual(['account_not_found']);
    expect(await notesOf(ids)).toMatchObject(ids.map((id) => ({ id, applied: 0 })));
  });

  it.each([0, 1, 2])(
    'a batch fails with conflict and writes nothing if write %i of three inserts no row',
    async (place) => {
      const userId = await newUser(books.pincex, { USD: '10' });
      const ids = ['a', 'b', 'c'].map(fresh);
      await books.sql('INSERT INTO notes (id) VALUES ($1)', [ids[place]]);
      const { engine } = engineThat(strategy);
      const batchId = randomUUID();
      const writeWith = ids.map((id) => note(id));
      await expect(engine.run('lockFunds', [lock(userId)], { batchId, writeWith })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(batchId) as string,
      });
      expect(await notesOf(ids)).toEqual([{ id: ids[place], batch_id: null, applied: null }]);
      expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
    },
  );

  it('writes whose long names differ only at the end are not confused', async () => {
    const { engine } = engineThat(strategy);
    const long = 'n'.repeat(62);
    const [one, other] = ['one', 'other'].map(fresh) as [string, string];
    await engine.run('mixed', [], { writeWith: [note(one, `${long}-1`)] });
    const update: Write = () => ({
      name: `${long}-2`,
      text: 'UPDATE notes SET applied = 7 WHERE id = $1 RETURNING 1',
      values: [one],
    });
    await engine.run('mixed', [], { writeWith: [update, note(other, `${long}-1`)] });
    expect(await notesOf([one, other])).toMatchObject([{ applied: 7 }, { applied: 0 }]);
  });
});

it('a batch that loses its guard is written with the result of its last decision', async () => {
  const userId = await newUser(books.pincex, { USD: '10' });
  const ids = ['a', 'b'].map(fresh);
  const { engine } = engineThat('auto', async () => {
    await books.pincex.bookkeeper.lockFunds(lock(userId, '1'));
  });
  await engine.run('lockFunds', [lock(userId)], { writeWith: ids.map((id) => note(id)) });
  expect(await books.sql('SELECT available FROM notes WHERE id = ANY ($1)', [ids])).toEqual([
    { available: '5' },
    { available: '5' },
  ]);
});

it('a batch without changes and without writes sends no statement that writes', async () => {
  const sent: string[] = [];
  const pincex = await openBooks(books.url, { onStatement: ({ name }) => sent.push(name) });
  onTestFinished(() => pincex.close());
  sent.length = 0;
  await pincex.run('mixed', [], { writeWith: [] });
  expect(sent).toEqual([]);
  await pincex.run('lockFunds', [lock(fresh('nobody'))], { writeWith: [] });
  expect(sent.filter((name) => name.startsWith('persist:'))).toEqual([]);
});

describe('the writes of writeWith in a transaction', () => {
  /** Runs a batch in a transaction that has inserted a row before. */
  async function inTransaction(writeWith: readonly Write[]) {
    const userId = await newUser(books.pincex, { USD: '10' });
    const before = fresh('before');
    const { database, engine } = engineThat('auto');
    const running = database.transaction(async (session) => {
      await session.query({ name: 'before', text: 'INSERT INTO notes (id) VALUES ($1)' }, [before]);
      await engine.run('lockFunds', [lock(userId)], { writeWith }, { session, committing: [] });
    });
    return { userId, before, running };
  }

  it('the writes are committed with the transaction', async () => {
    const ids = ['a', 'b'].map(fresh);
    const { userId, before, running } = await inTransaction(ids.map((id) => note(id)));
    await running;
    expect(await notesOf([before, ...ids])).toHaveLength(3);
    expect(await funds(books.pincex, userId, 'USD')).toBe('6 / 4');
  });

  it('a write that inserts no row rolls the transaction back', async () => {
    const ids = ['a', 'b'].map(fresh);
    await books.sql('INSERT INTO notes (id) VALUES ($1)', [ids[1]]);
    const { userId, before, running } = await inTransaction(ids.map((id) => note(id)));
    await expect(running).rejects.toMatchObject({ code: 'conflict' });
    expect(await notesOf([before, ...ids])).toHaveLength(1);
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
  });
});
