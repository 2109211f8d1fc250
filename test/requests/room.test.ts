import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pack, unpack } from '../../src/requests/packed.ts';
import { Requests } from '../../src/requests/requests.ts';
import { mostOfKey, scarcities, type Scarcity } from '../../src/requests/room.ts';
import { limits } from '../../src/limits.ts';
import { fresh, openBooks, useBooks } from '../support/books.ts';
import { holdClock } from '../support/clock.ts';
import { callOf, execute, runOf, sent } from './support.ts';

const books = useBooks();

/** A text that cannot be compressed much. */
const uuids = (count: number): string => Array.from({ length: count }, () => randomUUID()).join();

const usageOf = async (caller: string): Promise<number> => {
  const [row] = await books.sql<{ bytes: string | null }>(
    'SELECT sum(bytes) AS bytes FROM request_usage WHERE caller = $1',
    [caller],
  );
  return Number(row?.bytes ?? 0);
};

describe('the room for answers', () => {
  it('a key that is alone may take a quarter of the room, and the room is never all taken, so that one more key has some', () => {
    const room = 1_000_000;
    const kept: number[] = [];
    for (let keys = 1; keys <= 1_000; keys++) {
      const all = kept.reduce((sum, bytes) => sum + bytes, 0);
      // The key takes a byte at a time until it has as much as it may have.
      let own = 0;
      while (own < mostOfKey(all + own, room)) own++;
      if (keys === 1) expect(own).toBe(room / 4);
      if (keys <= 20) expect(own).toBeGreaterThan(0);
      kept.push(own);
      expect(all + own).toBeLessThan(room);
    }
  });

  it('all keys that take as much room as they can get the same share', () => {
    const kept = new Map([1, 2, 3, 4, 5].map((key) => [key, 0]));
    const room = 80_000;
    for (let isFull = false; !isFull;) {
      isFull = true;
      for (const [key, bytes] of kept) {
        const all = [...kept.values()].reduce((sum, bytes) => sum + bytes, 0);
        if (bytes >= mostOfKey(all, room)) continue;
        kept.set(key, bytes + 10);
        isFull = false;
      }
    }
    expect([...kept.values()]).toEqual(Array(5).fill(room / 8));
  });

  it('room is reported as scarce from 80 % of what a key, or all keys together, may take', () => {
    const kept = (...bytes: number[]) => new Map(bytes.map((bytes, i) => [`key-${i}`, { bytes }]));
    expect(scarcities(kept(210, 50), 1_000)).toEqual([{ caller: 'key-0', bytes: 210, most: 246 }]);
    expect(scarcities(kept(150, 50), 1_000)).toEqual([]);
    expect(scarcities(kept(), 1_000)).toEqual([]);
    expect(scarcities(kept(900, 1), 1_000)).toEqual([
      { caller: null, bytes: 901, most: 1_000 },
      { caller: 'key-0', bytes: 900, most: 33 },
    ]);
  });
});

describe('the stored text of a call', () => {
  it.each(['', '{"é":1}', 'x'.repeat(2_000), uuids(1_000), `{"a":"\u{1f600}${'é'.repeat(5_000)}"}`])(
    'a packed text is the same once it is unpacked (%#)',
    (text) => {
      expect(unpack(pack(text))).toBe(text);
    },
  );

  it('the stored text of a call is counted to the byte: its answer once it has one, until then its items', async () => {
    const requests = new Requests(books.pincex);
    const caller = fresh('caller');
    const many = {
      caller,
      key: fresh('key'),
      items: Array.from({ length: 99 }, () => ['u', uuids(1)] as const),
    };
    const run = runOf(await requests.begin(sent(callOf(fresh('user'), many).request)));
    await execute(books.pincex, run, [], { status: 200, body: uuids(500) });
    await runOf(await requests.begin(sent(callOf(fresh('user'), { ...many, key: null }).request))).release();
    const writer = requests.answerWriter({ caller, route: '/', batchId: randomUUID() });
    const writeWith = [() => writer.partFor({ status: 200, body: '{}' })];
    await books.pincex.run('mixed', [], { writeWith });
    writer.onWritten();
    await requests.stop();
    const rows = await books.sql<{ stored: number; exact: number; items: number | null }>(
      `SELECT (coalesce(pg_column_size(items), 0) + coalesce(pg_column_size(body), 0))::int AS stored,
         (coalesce(octet_length(items), 0) + coalesce(octet_length(body), 0))::int AS exact, octet_length(items) AS items
       FROM requests WHERE caller = $1 ORDER BY created_at`,
      [caller],
    );
    expect(rows.map(({ items }) => items !== null)).toEqual([false, true, false]);
    const exact = rows.reduce((sum, row) => sum + row.exact, 0);
    // PostgreSQL stores the bytes that it was given, and their length.
    for (const row of rows) expect(row.stored - row.exact).toBeLessThanOrEqual(4);
    expect(await usageOf(caller)).toBe(exact + 3 * limits.requests.rowBytes + 2 * many.key.length);
  });
});

describe('a caller that has used up its room', () => {
  /** A caller that has filled its share of a small room with released calls. */
  async function full() {
    const clock = holdClock();
    const scarce: Scarcity[] = [];
    const options = { room: 40 * limits.requests.rowBytes, onScarce: (one: Scarcity) => scarce.push(one) };
    await books.sql('DELETE FROM request_usage');
    const requests = new Requests(books.pincex, options);
    const caller = fresh('caller');
    const newCall = (changes = {}) => sent(callOf(fresh('user'), { caller, ...changes }).request);
    const done = newCall({ batchId: randomUUID(), key: fresh('key') });
    await execute(books.pincex, runOf(await requests.begin(done)), [], { status: 200, body: '{"a":1}' });
    const left = newCall({ batchId: randomUUID() });
    await runOf(await requests.begin(left)).release();
    const running = newCall({ batchId: randomUUID() });
    const run = runOf(await requests.begin(running));
    for (let n = 0; ; n++) {
      const begun = await requests.begin(newCall());
      if (begun.kind === 'full') break;
      expect(n).toBeLessThan(40);
      await runOf(begun).release();
    }
    const rows = async () => (await books.sql('SELECT FROM requests WHERE caller = $1', [caller])).length;
    return { clock, scarce, options, requests, caller, newCall, done, left, running, run, rows };
  }

  it('a caller without room begins no more calls, is told its usage, and leaves no row behind', async () => {
    const { requests, newCall, caller, rows } = await full();
    const before = await rows();
    const begun = await requests.begin(newCall());
    expect(begun).toMatchObject({ kind: 'full', room: 40 * limits.requests.rowBytes });
    expect(await requests.full(caller)).toEqual(begun);
    if (begun.kind === 'full') expect(begun.bytes).toBeGreaterThanOrEqual(begun.most);
    expect(await rows()).toBe(before);
  });

  it('a caller without room still gets the answers of its calls, is told which ones run, and can finish interrupted ones', async () => {
    const { requests, done, left, running, run, caller } = await full();
    expect(await requests.begin(done)).toEqual({ kind: 'finished', status: 200, body: '{"a":1}' });
    expect(await requests.begin({ ...done, hash: 'other' })).toEqual({ kind: 'reused', what: 'key' });
    expect(await requests.begin(running)).toMatchObject({ kind: 'running' });
    expect(await requests.outcome(left.batchId, caller, false)).toMatchObject({ kind: 'interrupted' });
    const taken = runOf(await requests.begin(left));
    await execute(books.pincex, taken, [], { status: 200, body: 'after all' });
    expect(await requests.begin(left)).toMatchObject({ body: 'after all' });
    await execute(books.pincex, run, [], { status: 200, body: 'end' });
    expect(await requests.begin(running)).toMatchObject({ body: 'end' });
  });

  it('a caller without room leaves room for others, and has some again once its answers have expired', async () => {
    const { clock, requests, newCall } = await full();
    await runOf(await requests.begin(newCall({ caller: fresh('caller') }))).release();
    clock.pass(limits.requests.roomMs);
    expect(await requests.begin(newCall())).toMatchObject({ kind: 'full' });
    await books.sql('UPDATE request_usage SET expires_at = now()');
    clock.pass(limits.requests.roomMs - 1);
    expect(await requests.begin(newCall())).toMatchObject({ kind: 'full' });
    clock.pass(1);
    await runOf(await requests.begin(newCall())).release();
    await requests.sweep();
    expect(await books.sql('SELECT FROM request_usage WHERE expires_at <= now()')).toEqual([]);
  });

  it('the usage of a caller expires at the full hour after the retention', async () => {
    const { requests, caller } = await full();
    await requests.stop();
    const [row] = await books.sql<{ whole: boolean; hours: number }>(
      `SELECT expires_at = date_trunc('hour', expires_at) AS whole,
         (extract(epoch FROM expires_at - now()) / 3600)::float8 AS hours
       FROM request_usage WHERE caller = $1`,
      [caller],
    );
    expect(row!.whole).toBe(true);
    expect(row!.hours).toBeGreaterThanOrEqual(24 - 0.1);
    expect(row!.hours).toBeLessThanOrEqual(25);
  });

  it('a caller without room has none in another process a moment later, and none after a stop', async () => {
    const { clock, requests, options, newCall } = await full();
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const elsewhere = new Requests(other, options);
    await runOf(await elsewhere.begin(newCall())).release();
    await requests.stop();
    clock.pass(limits.requests.roomMs);
    expect(await elsewhere.begin(newCall())).toMatchObject({ kind: 'full' });
    expect(await new Requests(books.pincex, options).begin(newCall())).toMatchObject({ kind: 'full' });
  });

  it('a caller without room is reported once, and again after it had room', async () => {
    const { clock, scarce, requests, caller, newCall } = await full();
    const ask = async () => {
      clock.pass(limits.requests.roomMs);
      await requests.begin(newCall({ caller: fresh('caller') }));
    };
    await ask();
    await ask();
    expect(scarce).toMatchObject([{ caller }]);
    await books.sql('UPDATE request_usage SET expires_at = now() WHERE caller = $1', [caller]);
    await ask();
    await books.sql(`UPDATE request_usage SET expires_at = now() + interval '1 hour' WHERE caller = $1`, [
      caller,
    ]);
    await ask();
    expect(scarce).toMatchObject([{ caller }, { caller }]);
  });

  it('an error is reported when the usage cannot be written at the stop', async () => {
    const short = await openBooks(books.url);
    const errors: unknown[] = [];
    const requests = new Requests(short, { onError: (error) => errors.push(error) });
    const caller = fresh('caller');
    await runOf(await requests.begin(sent(callOf(fresh('user'), { caller }).request))).release();
    await short.close();
    await requests.stop();
    expect(errors).toMatchObject([{ code: 'closed' }]);
    expect(await usageOf(caller)).toBe(0);
  });
});
