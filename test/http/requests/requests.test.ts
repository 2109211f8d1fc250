import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EngineOptions } from '../../../src/engine/engine.ts';
import { claimsOf } from '../../../src/http/requests/claims.ts';
import { refusalOf } from '../../../src/http/requests/refusal.ts';
import { contentHash, Requests } from '../../../src/http/requests/requests.ts';
import type { Run } from '../../../src/http/requests/run.ts';
import {
  expectApplied,
  expectBalanced,
  fresh,
  funds,
  newUser,
  openBooks,
  useBooks,
} from '../../support/books.ts';
import { loadConfig, Pincex } from '../../../src/index.ts';
import { start } from '../../support/processes.ts';
import { gate, until } from '../../support/waiting.ts';
import { callOf, execute, ROUTE, runOf, sent } from './support.ts';

const books = useBooks();
const admin = true;

/** Ends a run without having done anything. */
const finish = (run: Run, status: number, body: string) => execute(books.pincex, run, [], { status, body });

describe('a call with a key', () => {
  it('is executed once: sent again, it gets the answer that was stored', async () => {
    const requests = new Requests(books.pincex);
    const { request, items } = callOf(await newUser(books.pincex, { USD: '10' }), { key: fresh('key') });
    const run = runOf(await requests.begin(sent(request)));
    const body = JSON.stringify({ text: 'é\u0000"' });
    const { batchId, counts } = await execute(books.pincex, run, items, { status: 200, body });
    expect(batchId).toBe(run.batchId);
    expect(counts).toMatchObject({ applied: 1, rejected: 1 });
    expect(await requests.begin(sent(request))).toEqual({ kind: 'finished', status: 200, body });
    expect(await requests.begin(sent({ ...request, items: [] }))).toMatchObject({ kind: 'finished' });
  });

  it('is told that it is running while it is, and not by another process either', async () => {
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const run = runOf(await new Requests(books.pincex).begin(sent(request)));
    const begun = await new Requests(other).begin(sent(request));
    const { batchId } = run;
    expect(begun).toEqual({ kind: 'running', batchId });
    if (begun.kind !== 'running') return;
    expect(refusalOf(begun)).toMatchObject({
      status: 409,
      code: 'request_in_progress',
      options: { headers: { 'Retry-After': '1' }, extensions: { batchId } },
    });
    await finish(run, 200, '{}');
    expect(await new Requests(other).begin(sent(request))).toMatchObject({ kind: 'finished' });
  });

  it('of many at the same time runs exactly once, over several processes', async () => {
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const sides = [new Requests(books.pincex), new Requests(other)];
    for (let round = 0; round < 20; round++) {
      const { request } = callOf(fresh('user'), { key: fresh('key') });
      const begun = await Promise.all(
        Array.from({ length: 10 }, (_, i) => sides[i % 2]!.begin(sent(request))),
      );
      const kinds = begun.map(({ kind }) => kind).sort();
      expect(kinds).toEqual(['run', ...Array<string>(9).fill('running')].sort());
      for (const one of begun) if (one.kind === 'run') await one.run.release();
      // It is nobody's now: of those who want to take it over exactly one gets it.
      const taking = await Promise.all(
        Array.from({ length: 10 }, (_, i) => sides[i % 2]!.begin(sent(request))),
      );
      expect(taking.map(({ kind }) => kind).sort()).toEqual(kinds);
      for (const one of taking) if (one.kind === 'run') await finish(one.run, 200, '{}');
    }
  });

  it('is refused with other content, whether the first one runs or has ended', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const changed = { ...request, hash: contentHash(ROUTE, 'other') };
    const run = runOf(await requests.begin(sent(request)));
    const begun = await requests.begin(sent(changed));
    expect(begun).toEqual({ kind: 'reused', what: 'key' });
    if (begun.kind !== 'reused') return;
    expect(refusalOf(begun)).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    await finish(run, 200, '{}');
    expect(await requests.begin(sent(changed))).toEqual({ kind: 'reused', what: 'key' });
  });

  it('does not meet the same key of another caller or on another route', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    for (const each of [request, { ...request, caller: 'caller-2' }, { ...request, route: '/v1/other' }]) {
      await finish(runOf(await requests.begin(sent(each))), 200, '{}');
    }
  });

  it('that failed as a whole runs again under the same batch id', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const run = runOf(await requests.begin(sent(request)));
    await run.release();
    const again = runOf(await requests.begin(sent(request)));
    expect(again.batchId).toBe(run.batchId);
    // The first one has lost it, whatever it still does.
    await expect(finish(run, 200, 'late')).rejects.toMatchObject({ code: 'conflict', retryable: true });
    expect(await run.release()).toBe(false);
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    await finish(again, 200, 'right');
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'finished', body: 'right' });
  });

  it('keeps its lease for as long as it runs', async () => {
    const requests = new Requests(books.pincex, { leaseMs: 1_500 });
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const run = runOf(await requests.begin(sent(request)));
    for (let i = 0; i < 5; i++) {
      await sleep(800);
      expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    }
    await run.release();
    runOf(await requests.begin(sent(request)));
  });

  it('keeps its lease though what it waits for is the pool, and nobody waits for one that is being written', async () => {
    const env = { DATABASE_URL: books.url, PINCEX_DATABASE_POOL_MAX: '1' };
    const small = await Pincex.open({ config: loadConfig({ env }) });
    onTestFinished(() => small.close());
    const requests = new Requests(small, { leaseMs: 1_500 });
    const calls = [1, 2].map(() => callOf(fresh('user'), { key: fresh('key') }).request);
    const [written] = [
      runOf(await requests.begin(sent(calls[0]!))),
      runOf(await requests.begin(sent(calls[1]!))),
    ];
    await books.sql('BEGIN');
    await books.sql('SELECT FROM requests WHERE batch_id = $1 FOR UPDATE', [written.batchId]);
    const held = gate();
    const holding = small.transaction(() => held.opened);
    const others = new Requests(books.pincex);
    for (let i = 0; i < 5; i++) {
      await sleep(800);
      expect(await others.begin(sent(calls[1]!))).toMatchObject({ kind: 'running' });
    }
    await books.sql('COMMIT');
    held.open();
    await holding;
  });

  it('renews the lease of nothing that was released, or that another has taken over', async () => {
    const requests = new Requests(books.pincex, { leaseMs: 400 });
    const others = new Requests(books.pincex);
    const calls = [1, 2].map(() => callOf(fresh('user'), { key: fresh('key') }).request);
    const runs = [];
    for (const call of calls) runs.push(runOf(await requests.begin(sent(call))));
    const [released, lost] = runs.map(({ batchId }) => batchId);
    const end = (time: string, batchId?: string) =>
      books.sql('UPDATE requests SET lease_until = $1 WHERE batch_id = $2', [time, batchId]);
    await end('-infinity', released);
    await end('now', lost);
    runOf(await others.begin(sent(calls[1]!)));
    await end('2000-01-01', lost);
    await sleep(800);
    const left = await books.sql('SELECT FROM requests WHERE batch_id = ANY ($1) AND lease_until < now()', [
      [released, lost],
    ]);
    expect(left).toHaveLength(2);
    for (const run of runs) await run.release();
  });

  it('is running for as long as its batch waits, whatever row that waits for', async () => {
    const slow = await openBooks(books.url, { strategy: 'guard' });
    onTestFinished(() => slow.close());
    const userId = fresh('user');
    const { request } = callOf(userId, { key: fresh('key') });
    const requests = new Requests(slow, { leaseMs: 1_500 });
    const run = runOf(await requests.begin(sent(request)));
    // An account that another transaction is making, too.
    await books.sql('BEGIN');
    await books.sql(
      `INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
       VALUES ($1, 'USD', 0, 0, 0, now(), now())`,
      [userId],
    );
    const deposit = { command: 'deposit', id: 'd', userId, currency: 'USD', amount: '5' } as const;
    const executed = execute(slow, run, [deposit], { status: 200, body: '{}' });
    const others = new Requests(books.pincex);
    for (let i = 0; i < 5; i++) {
      await sleep(800);
      expect(await others.outcome(run.batchId, request.caller, false)).toEqual({ kind: 'running' });
      expect(await others.begin(sent(request))).toMatchObject({ kind: 'running' });
    }
    await books.sql('ROLLBACK');
    expectApplied(await executed);
    expect(await funds(books.pincex, userId, 'USD')).toBe('5 / 0');
  });

  it('that lost its lease writes nothing, whichever way its batch is kept apart from others', async () => {
    for (const strategy of ['guard', 'lock'] as const) {
      const slow = await openBooks(books.url, { strategy });
      onTestFinished(() => slow.close());
      const userId = await newUser(books.pincex, { USD: '10' });
      const { request, items } = callOf(userId, { key: fresh('key') });
      const lost = runOf(await new Requests(slow).begin(sent(request)));
      await books.sql('UPDATE requests SET lease_until = now() WHERE batch_id = $1', [lost.batchId]);
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
      // Nor does one write its answer twice, also where nothing of it was applied.
      await expect(execute(books.pincex, run, [], { status: 200, body: 'twice' })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await new Requests(books.pincex).begin(sent(request))).toMatchObject({ body: 'won' });
      await expectBalanced(books.pincex);
    }
  });

  it('is let go of where that cannot be written, too: its lease ends by itself', async () => {
    const errors: unknown[] = [];
    const short = await openBooks(books.url);
    const requests = new Requests(short, { leaseMs: 600, onError: (error) => errors.push(error) });
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const run = runOf(await requests.begin(sent(request)));
    await short.close();
    expect(await run.release()).toBe(true);
    expect(errors).toEqual([expect.objectContaining({ code: 'closed' })]);
    await until('its lease to end', async () => {
      return (await new Requests(books.pincex).begin(sent(request))).kind === 'run';
    });
  });
});

describe('a call without a key', () => {
  it('runs each time', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'));
    const runs = [runOf(await requests.begin(sent(request))), runOf(await requests.begin(sent(request)))];
    expect(runs[0]!.batchId).not.toBe(runs[1]!.batchId);
    for (const run of runs) await finish(run, 200, '{}');
  });

  it('with a batch id of its own runs once, and nobody else may use that id', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { batchId: randomUUID() });
    const run = runOf(await requests.begin(sent(request)));
    expect(run.batchId).toBe(request.batchId);
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    await finish(run, 200, '{}');
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'finished' });
    for (const other of [
      { ...request, hash: 'other' },
      { ...request, caller: 'caller-2' },
      { ...request, key: fresh('key') },
    ]) {
      const begun = await requests.begin(sent(other));
      expect(begun).toEqual({ kind: 'reused', what: 'batchId' });
      if (begun.kind === 'reused') expect(refusalOf(begun).code).toBe('batch_id_reused');
    }
  });
});

describe('a call that is noted with its batch', () => {
  /** Executes one, and returns how that went. */
  async function executed() {
    const batchId = randomUUID();
    const userId = await newUser(books.pincex, { USD: '10' });
    const { request, items } = callOf(userId, { caller: fresh('caller'), batchId });
    const requests = new Requests(books.pincex);
    const answer = { status: 422, body: '{"é":1}' };
    const options: EngineOptions = {
      batchId,
      alongside: () => requests.noted({ ...request, batchId }, answer),
    };
    const execute = () => books.pincex.execute(items, options);
    return { batchId, userId, request, requests, answer, execute };
  }

  it('can be asked for by its caller', async () => {
    const { batchId, request, answer, execute } = await executed();
    expect((await execute()).counts).toMatchObject({ applied: 1, rejected: 1 });
    const requests = new Requests(books.pincex);
    const outcome = await requests.outcome(batchId, request.caller, false);
    expect(outcome).toEqual({ kind: 'finished', ...answer });
    expect(await requests.outcome(batchId, 'caller-2', false)).toEqual({ kind: 'unknown' });
  });

  it('leaves its batch id to no other call', async () => {
    const { request, requests, execute } = await executed();
    await execute();
    expect(await requests.begin(sent(request))).toEqual({ kind: 'reused', what: 'batchId' });
    await expect(execute()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is not written any more once it was left as one of which nobody knows how it ended', async () => {
    const { batchId, userId, request, requests, execute } = await executed();
    await requests.leave(sent(request));
    await expect(execute()).rejects.toMatchObject({ code: 'conflict' });
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
    expect(await requests.outcome(batchId, request.caller, false)).toMatchObject({
      kind: 'interrupted',
      batch: { counts: { applied: 0, notApplied: 2 } },
    });
  });
});

describe('a call that was not noted and of which nobody knows how it ended', () => {
  it('is looked up in the books from then on', async () => {
    const requests = new Requests(books.pincex);
    const batchId = randomUUID();
    const { request, items } = callOf(await newUser(books.pincex, { USD: '10' }), { batchId });
    await books.pincex.execute(items, { batchId });
    await requests.leave(sent(request));
    expect(await requests.outcome(batchId, request.caller, false)).toMatchObject({
      kind: 'interrupted',
      batch: { batchId, counts: { applied: 1, notApplied: 1 } },
    });
  });

  it('stays unknown where that cannot be written, and that is told', async () => {
    const errors: unknown[] = [];
    const short = await openBooks(books.url);
    const requests = new Requests(short, { onError: (error) => errors.push(error) });
    await short.close();
    await requests.leave(sent(callOf(fresh('user')).request));
    expect(errors).toEqual([expect.objectContaining({ code: 'closed' })]);
  });
});

describe('a process that is killed', () => {
  /** Starts one, kills it where it was told to stop, and returns what it left. */
  async function killed(stage: 'begun' | 'committed', leaseMs: number) {
    const userId = await newUser(books.pincex, { USD: '10' });
    const [key, batchId] = [fresh('key'), randomUUID()];
    const args = [stage, userId, key, batchId, String(leaseMs)];
    const { child, ended } = start('test/http/requests/owner.ts', args, { env: { DATABASE_URL: books.url } });
    let said = '';
    child.stdout!.on('data', (text: string) => (said += text));
    void ended.then(({ stderr }) => (said ||= stderr));
    await until('the process to begin', () => said !== '');
    expect(said).toBe(`${stage}\n`);
    const { request, items } = callOf(userId, { key, batchId });
    const requests = new Requests(books.pincex);
    // It lives, and so it keeps what it began, though its lease was over several times.
    await sleep(leaseMs * 2);
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    expect(await requests.outcome(batchId, request.caller, false)).toEqual({ kind: 'running' });
    child.kill('SIGKILL');
    await ended;
    const outcome = () => requests.outcome(batchId, request.caller, false);
    await until('its lease to end', async () => (await outcome()).kind !== 'running');
    return { userId, batchId, request, items, requests, outcome };
  }

  it('before the batch: nothing was applied, and the same call runs it', async () => {
    const { userId, batchId, request, items, requests, outcome } = await killed('begun', 1_500);
    expect(await outcome()).toEqual({
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
    const run = runOf(await requests.begin(sent(request)));
    const result = await execute(books.pincex, run, items, { status: 200, body: '{}' });
    expect(result).toMatchObject({ batchId, counts: { applied: 1, rejected: 1 } });
    expect(await outcome()).toMatchObject({ kind: 'finished', status: 200 });
    expect(await funds(books.pincex, userId, 'USD')).toBe('6 / 4');
  });

  it('after the commit: what was applied is told, and the same call replays it', async () => {
    const { userId, batchId, request, items, requests, outcome } = await killed('committed', 1_500);
    expect(await outcome()).toMatchObject({
      kind: 'interrupted',
      batch: {
        counts: { total: 2, applied: 1, appliedElsewhere: 0, notApplied: 1 },
        results: [
          { id: 'lock-0', status: 'applied', data: { available: '6', locked: '4', version: 2 } },
          { id: 'lock-1', status: 'not_applied' },
        ],
      },
    });
    // Of those who come at the same time one takes it over.
    const begun = await Promise.all([1, 2, 3, 4, 5].map(() => requests.begin(sent(request))));
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

describe('the outcome of a batch', () => {
  it('is for the caller who made it, and for an admin', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'));
    const run = runOf(await requests.begin(sent(request)));
    expect(await requests.outcome(run.batchId, request.caller, false)).toEqual({ kind: 'running' });
    expect(await requests.outcome(run.batchId, 'caller-2', false)).toEqual({ kind: 'unknown' });
    expect(await requests.outcome(run.batchId, 'caller-2', admin)).toEqual({ kind: 'running' });
    await finish(run, 422, '{"a":1}');
    const finished = { kind: 'finished', status: 422, body: '{"a":1}' };
    expect(await requests.outcome(run.batchId.toUpperCase(), request.caller, false)).toEqual(finished);
    expect(await requests.outcome(run.batchId, 'caller-2', false)).toEqual({ kind: 'unknown' });
    expect(await requests.outcome(run.batchId, 'caller-2', admin)).toEqual(finished);
    expect(await requests.outcome(randomUUID(), request.caller, admin)).toEqual({ kind: 'unknown' });
    expect(await requests.outcome('no uuid', request.caller, admin)).toEqual({ kind: 'unknown' });
  });

  it('tells what another batch applied, and finds trades by their buyer and nothing by ids that are none', async () => {
    const [buyer, seller] = [
      await newUser(books.pincex, { USD: '100' }),
      await newUser(books.pincex, { BTC: '1' }),
    ];
    const order = { symbol: 'BTC/USD', type: 'limit', quantity: '1', price: '5' } as const;
    expectApplied(
      await books.pincex.trading.placeOrders([
        { ...order, id: 'buy', userId: buyer, side: 'buy' },
        { ...order, id: 'sell', userId: seller, side: 'sell' },
      ]),
    );
    const requests = new Requests(books.pincex);
    const items = [
      {
        command: 'settleTrade',
        id: fresh('trade'),
        symbol: 'BTC/USD',
        price: '5',
        quantity: '1',
        buyUserId: buyer,
        buyOrderId: 'buy',
        sellUserId: seller,
        sellOrderId: 'sell',
        takerSide: 'buy',
      },
      { command: 'deposit', id: 'funds-USD', userId: buyer, currency: 'USD', amount: '100' },
      { command: 'deposit', id: 'nul\u0000', userId: buyer },
      { command: 'deposit', id: 'lone \ud800', userId: buyer },
      { command: 'deposit', id: 7, userId: buyer },
      null,
    ];
    const { request } = callOf(buyer, { items: claimsOf(items) });
    const run = runOf(await requests.begin(sent(request)));
    const { batchId } = await books.pincex.execute(items as never, { batchId: run.batchId });
    await run.release();
    const outcome = await requests.outcome(batchId, request.caller, false);
    expect(outcome).toMatchObject({
      kind: 'interrupted',
      batch: {
        counts: { total: 6, applied: 1, appliedElsewhere: 1, notApplied: 4 },
        results: [
          { status: 'applied', data: { quoteAmount: '5' } },
          { id: 'funds-USD', status: 'applied_elsewhere' },
          ...Array<unknown>(4).fill({ id: null, status: 'not_applied' }),
        ],
      },
    });
    const elsewhere = outcome.kind === 'interrupted' ? outcome.batch.results[1]! : undefined;
    expect(elsewhere).toHaveProperty('batchId', expect.not.stringMatching(batchId));
  });
});

describe('what has expired', () => {
  it('is no longer known, its key is free, and what is running stays', async () => {
    const requests = new Requests(books.pincex, { retentionMs: 0 });
    const kept = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const run = runOf(await requests.begin(sent(request)));
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    await finish(run, 200, '{}');
    expect(await requests.outcome(run.batchId, request.caller, false)).toEqual({ kind: 'unknown' });
    const changed = { ...request, hash: 'other' };
    const again = runOf(await kept.begin(sent(changed)));
    expect(again.batchId).not.toBe(run.batchId);
    await finish(again, 200, 'again');
    expect(await kept.begin(sent(changed))).toMatchObject({ kind: 'finished', body: 'again' });
  });

  it('is swept, some rows at a time, by any number at once', async () => {
    await new Requests(books.pincex).sweep();
    const requests = new Requests(books.pincex, { retentionMs: 0 });
    const kept = runOf(await new Requests(books.pincex).begin(sent(callOf(fresh('user')).request)));
    await finish(kept, 200, '{}');
    const running = runOf(await requests.begin(sent(callOf(fresh('user')).request)));
    for (let i = 0; i < 25; i++) {
      const run = runOf(await requests.begin(sent(callOf(fresh('user')).request)));
      await (i % 2 === 0 ? finish(run, 200, '{}') : run.release());
    }
    const swept = await Promise.all([requests.sweep(10), requests.sweep(10), requests.sweep(10)]);
    expect(swept.reduce((sum, count) => sum + count) + (await requests.sweep(10))).toBe(25);
    const left = await books.sql<{ batch_id: string }>(
      'SELECT batch_id FROM requests WHERE batch_id = ANY ($1)',
      [[kept.batchId, running.batchId]],
    );
    expect(left).toHaveLength(2);
    await finish(running, 200, '{}');
    expect(await requests.sweep()).toBe(1);
  });
});
