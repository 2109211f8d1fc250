import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { withClient } from '../../src/database/client.ts';
import { Requests } from '../../src/requests/requests.ts';
import { Pincex } from '../../src/index.ts';
import {
  configOf,
  expectApplied,
  expectBalanced,
  fresh,
  funds,
  newUser,
  openBooks,
  useBooks,
} from '../support/books.ts';
import { start, type Running } from '../support/processes.ts';
import { gate, until } from '../support/waiting.ts';
import { callOf, execute, runOf, sent } from './support.ts';

const books = useBooks();

/** Longer than any test: a lease ends only by `endLease`, and is renewed only when the clock is moved. */
const leaseMs = 600_000;

/** A call that is sent with a key. */
const keyed = (userId = fresh('user')) => callOf(userId, { key: fresh('key') });

/** Stops the clock by which this process renews leases until the test has ended; the clock of the server goes on. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Ends leases as if their process had died. Uses a connection of its own, since that of the books may be in a transaction. */
const endLease = (...batchIds: string[]) =>
  withClient(books.url, async (client) => {
    await client.query('UPDATE requests SET lease_until = now() WHERE batch_id = ANY ($1)', [batchIds]);
  });

const isLeased = async (batchId: string): Promise<boolean> =>
  withClient(books.url, async (client) => {
    const text = 'SELECT FROM requests WHERE batch_id = $1 AND lease_until > now()';
    return (await client.query(text, [batchId])).rows.length > 0;
  });

/** Ends a lease, and moves the clock until it is renewed: a renewal is skipped while the one before is in flight. */
async function renewed(batchId: string): Promise<void> {
  await endLease(batchId);
  for (let turn = 0; turn < 2_000; turn++) {
    if (await isLeased(batchId)) return;
    vi.advanceTimersByTime(leaseMs / 4);
  }
  throw new Error('The lease is not renewed');
}

describe('the lease of a call', () => {
  it('a lease is renewed before half of it is over', async () => {
    stopClock();
    const { request } = keyed();
    const run = runOf(await new Requests(books.pincex, { leaseMs }).begin(sent(request)));
    await endLease(run.batchId);
    vi.advanceTimersByTime(leaseMs / 2);
    await until('the lease to be renewed', () => isLeased(run.batchId));
    await run.release();
  });

  it('a lease is kept for as long as its call runs', async () => {
    stopClock();
    const requests = new Requests(books.pincex, { leaseMs });
    const { request } = keyed();
    const run = runOf(await requests.begin(sent(request)));
    for (let round = 0; round < 3; round++) {
      await renewed(run.batchId);
      expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    }
    await run.release();
    runOf(await requests.begin(sent(request)));
  });

  it('a lease is renewed although its call waits for the pool, and although the row of another renewed call is locked', async () => {
    stopClock();
    const small = await Pincex.open({ config: configOf(books.url, { PINCEX_DATABASE_POOL_MAX: '1' }) });
    onTestFinished(() => small.close());
    const requests = new Requests(small, { leaseMs });
    const { request } = keyed();
    const written = runOf(await requests.begin(sent(keyed().request)));
    const waiting = runOf(await requests.begin(sent(request)));
    await books.sql('BEGIN');
    await books.sql('SELECT FROM requests WHERE batch_id = $1 FOR UPDATE', [written.batchId]);
    const held = gate();
    const holding = small.transaction(() => held.opened);
    for (let round = 0; round < 3; round++) {
      await renewed(waiting.batchId);
      expect(await new Requests(books.pincex).begin(sent(request))).toMatchObject({ kind: 'running' });
    }
    await books.sql('COMMIT');
    held.open();
    await holding;
  });

  it('a lease is renewed for as long as its batch waits for a row, also for one that is not committed yet', async () => {
    stopClock();
    const slow = await openBooks(books.url, { strategy: 'guard' });
    onTestFinished(() => slow.close());
    const userId = fresh('user');
    const { request } = keyed(userId);
    const run = runOf(await new Requests(slow, { leaseMs }).begin(sent(request)));
    // The batch waits for an account that another transaction is creating.
    await books.sql('BEGIN');
    await books.sql(
      `INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
       VALUES ($1, 'USD', 0, 0, 0, now(), now())`,
      [userId],
    );
    const deposit = { command: 'deposit', id: 'd', userId, currency: 'USD', amount: '5' } as const;
    const executed = execute(slow, run, [deposit], { status: 200, body: '{}' });
    const others = new Requests(books.pincex);
    for (let round = 0; round < 3; round++) {
      await renewed(run.batchId);
      expect(await others.outcome(run.batchId, request.caller, false)).toEqual({ kind: 'running' });
      expect(await others.begin(sent(request))).toMatchObject({ kind: 'running' });
    }
    await books.sql('ROLLBACK');
    expectApplied(await executed);
    expect(await funds(books.pincex, userId, 'USD')).toBe('5 / 0');
  });

  it('a lease is renewed for the call that this process runs, and not for that of another caller with the same batch id', async () => {
    stopClock();
    const requests = new Requests(books.pincex, { leaseMs });
    const { request } = keyed();
    const run = runOf(await requests.begin(sent(request)));
    const { batchId } = run;
    // No process runs this call any more.
    const gone = { ...request, caller: fresh('caller'), batchId };
    runOf(await new Requests(books.pincex).begin(gone)).onWritten();
    await renewed(batchId);
    const leased = await books.sql(
      'SELECT caller FROM requests WHERE batch_id = $1 AND lease_until > now()',
      [batchId],
    );
    expect(leased).toEqual([{ caller: request.caller }]);
    await run.release();
  });

  it('a lease is not renewed once its call was released or taken over', async () => {
    stopClock();
    const requests = new Requests(books.pincex, { leaseMs });
    const calls = [1, 2, 3].map(() => keyed().request);
    const runs = [];
    for (const call of calls) runs.push(runOf(await requests.begin(sent(call))));
    const [released, lost, kept] = runs.map(({ batchId }) => batchId) as [string, string, string];
    // The process does not notice these changes of the rows: it tries to renew all three leases.
    await books.sql(`UPDATE requests SET lease_until = '-infinity' WHERE batch_id = $1`, [released]);
    await endLease(lost);
    // The new run stops renewing as well, so that only the run that lost the call could renew it.
    runOf(await new Requests(books.pincex).begin(sent(calls[1]!))).onWritten();
    await endLease(lost);
    await renewed(kept);
    expect(await isLeased(released)).toBe(false);
    expect(await isLeased(lost)).toBe(false);
    for (const run of runs) await run.release();
  });

  it('a lease ends by itself when the release of its call cannot be written', async () => {
    stopClock();
    const errors: unknown[] = [];
    const short = await openBooks(books.url);
    const requests = new Requests(short, { leaseMs: 100, onError: (error) => errors.push(error) });
    const { request } = keyed();
    const run = runOf(await requests.begin(sent(request)));
    await short.close();
    expect(await run.release()).toBe(true);
    expect(errors).toEqual([expect.objectContaining({ code: 'closed' })]);
    await until('its lease to end', async () => {
      return (await new Requests(books.pincex).begin(sent(request))).kind === 'run';
    });
  });
});

describe.each(['guard', 'lock'] as const)(
  'a call that was taken over from a process with the strategy %s',
  (strategy) => {
    it('a call writes nothing once another run has taken it over', async () => {
      const slow = await openBooks(books.url, { strategy });
      onTestFinished(() => slow.close());
      const userId = await newUser(books.pincex, { USD: '10' });
      const { request, items } = keyed(userId);
      const lost = runOf(await new Requests(slow).begin(sent(request)));
      await endLease(lost.batchId);
      const run = runOf(await new Requests(books.pincex).begin(sent(request)));
      expect(run.batchId).toBe(lost.batchId);
      await expect(execute(slow, lost, items, { status: 200, body: 'lost' })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(lost.batchId) as string,
      });
      expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
      expect(await lost.release()).toBe(false);
      await execute(books.pincex, run, items, { status: 200, body: 'won' });
      expect(await funds(books.pincex, userId, 'USD')).toBe('6 / 4');
      // A run does not write its answer twice either, also when nothing is applied.
      await expect(execute(books.pincex, run, [], { status: 200, body: 'twice' })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await new Requests(books.pincex).begin(sent(request))).toMatchObject({ body: 'won' });
      await expectBalanced(books.pincex);
    });
  },
);

describe('a process that runs calls', () => {
  interface Left extends ReturnType<typeof callOf> {
    readonly userId: string;
    readonly batchId: string;
  }
  const requests = () => new Requests(books.pincex);
  const outcome = ({ batchId, request }: Left) => requests().outcome(batchId, request.caller, false);
  /** A call whose batch was not executed yet, and a call whose batch was committed. */
  let begun: Left;
  let committed: Left;
  let owner: Running;

  beforeAll(async () => {
    const newCall = async (): Promise<Left> => {
      const [userId, batchId] = [await newUser(books.pincex, { USD: '10' }), randomUUID()];
      return { userId, batchId, ...callOf(userId, { key: fresh('key'), batchId }) };
    };
    [begun, committed] = [await newCall(), await newCall()];
    const args = [String(leaseMs), ...[begun, committed].map((call) => JSON.stringify(call))];
    owner = start('test/requests/owner.ts', args, { env: { DATABASE_URL: books.url } });
    let said = '';
    owner.child.stdout!.on('data', (text: string) => (said += text));
    void owner.ended.then(({ stderr }) => (said ||= stderr));
    await until('the process to begin', () => said !== '');
    expect(said).toBe('ready\n');
  });
  afterAll(async () => {
    owner.child.kill('SIGKILL');
    await owner.ended;
  });

  it('a live process keeps the calls that it began, however often their leases end', async () => {
    for (let round = 0; round < 3; round++) {
      await endLease(begun.batchId, committed.batchId);
      for (const call of [begun, committed]) {
        await until('its lease to be renewed', () => isLeased(call.batchId));
        expect(await requests().begin(sent(call.request))).toMatchObject({ kind: 'running' });
        expect(await outcome(call)).toEqual({ kind: 'running' });
      }
    }
  });

  describe('that is killed', () => {
    beforeAll(async () => {
      owner.child.kill('SIGKILL');
      await owner.ended;
      await until('its last renewal to be over', async () => {
        const text = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pincex leases'`;
        return (await books.sql(text)).length === 0;
      });
      for (const call of [begun, committed]) expect(await outcome(call)).toEqual({ kind: 'running' });
      await endLease(begun.batchId, committed.batchId);
    });

    it('a process killed before the batch leaves nothing applied, and the same call runs the batch', async () => {
      const { userId, batchId, request, items } = begun;
      expect(await outcome(begun)).toEqual({
        kind: 'interrupted',
        batch: {
          batchId,
          status: 'interrupted',
          counts: { total: 2, applied: 0, appliedElsewhere: 0, notApplied: 2 },
          results: [
            { index: 0, id: 'lock-0', status: 'not_applied' },
            { index: 1, id: 'lock-1', status: 'not_applied' },
          ],
        },
      });
      expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
      const run = runOf(await requests().begin(sent(request)));
      const result = await execute(books.pincex, run, items, { status: 200, body: '{}' });
      expect(result).toMatchObject({ batchId, counts: { applied: 1, rejected: 1 } });
      expect(await outcome(begun)).toMatchObject({ kind: 'finished', status: 200 });
      expect(await funds(books.pincex, userId, 'USD')).toBe('6 / 4');
    });

    it('a process killed after the commit leaves the applied items in the outcome, and the same call replays them', async () => {
      const { userId, batchId, request, items } = committed;
      expect(await outcome(committed)).toMatchObject({
        kind: 'interrupted',
        batch: {
          counts: { total: 2, applied: 1, appliedElsewhere: 0, notApplied: 1 },
          results: [
            { id: 'lock-0', status: 'applied', data: { available: '6', locked: '4', version: 2 } },
            { id: 'lock-1', status: 'not_applied' },
          ],
        },
      });
      // One of several concurrent repetitions takes the call over.
      const begun = await Promise.all([1, 2, 3, 4, 5].map(() => requests().begin(sent(request))));
      expect(begun.map(({ kind }) => kind).sort()).toEqual(['run', ...Array<string>(4).fill('running')]);
      const run = runOf(begun.find(({ kind }) => kind === 'run')!);
      expect(run.batchId).toBe(batchId);
      const { results } = await execute(books.pincex, run, items, { status: 200, body: '{}' });
      expect(results).toMatchObject([
        { status: 'replayed', data: { available: '6', locked: '4', version: 2 } },
        { status: 'rejected' },
      ]);
      expect(await funds(books.pincex, userId, 'USD')).toBe('6 / 4');
    });
  });
});
