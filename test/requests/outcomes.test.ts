import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { operationKeysOf } from '../../src/requests/operationKeys.ts';
import { Requests } from '../../src/requests/requests.ts';
import type { Run } from '../../src/requests/run.ts';
import { expectApplied, fresh, newUser, useBooks } from '../support/books.ts';
import { callOf, execute, runOf, sent } from './support.ts';

const books = useBooks();
const admin = true;

/** Ends a run with an empty batch. */
const finish = (run: Run, status: number, body: string) => execute(books.pincex, run, [], { status, body });

describe('the outcome of a batch', () => {
  it('the outcome of a batch is told to its caller and to an admin, and to no other', async () => {
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

  it('the outcome of a batch names items that another batch applied, finds trades by their buyer, and finds nothing by malformed ids', async () => {
    const [buyer, seller] = [
      await newUser(books.pincex, { USD: '100' }),
      await newUser(books.pincex, { BTC: '1' }),
    ];
    const order = { symbol: 'BTC/USD', type: 'limit', quantity: '1', price: '5' } as const;
    expectApplied(
      await books.pincex.trading.batchPlaceOrders([
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
    const { request } = callOf(buyer, { items: operationKeysOf(items) });
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

describe('an item in the outcome of an interrupted batch', () => {
  /** The outcome of a released batch `own` of two deposits, of which a batch `batchId` of `actor` has applied the second. */
  async function interrupted(actor: string | undefined, batchId: string, own = batchId) {
    const userId = await newUser(books.pincex);
    const items = ['a', 'b'].map((id) => ({
      command: 'deposit' as const,
      id,
      userId,
      currency: 'USD',
      amount: '1',
    }));
    const requests = new Requests(books.pincex);
    const { request } = callOf(userId, { caller: 'mine', batchId: own, items: operationKeysOf(items) });
    await runOf(await requests.begin(sent(request))).release();
    expectApplied(await books.pincex.execute(items.slice(1), { batchId, ...(actor && { actor }) }));
    const outcome = await requests.outcome(own, 'mine', false);
    return outcome.kind === 'interrupted' ? outcome.batch.results : [];
  }
  const notApplied = { index: 0, id: 'a', status: 'not_applied' };
  const applied = { index: 1, id: 'b', status: 'applied', data: expect.anything() as unknown };
  const elsewhere = { index: 1, id: 'b', status: 'applied_elsewhere' };

  it('an item is applied if both the batch id and the key of its operation are those of the batch', async () => {
    expect(await interrupted('key:mine', randomUUID())).toEqual([notApplied, applied]);
  });

  it('an item is applied_elsewhere, without a batch id, if another key gave its batch the same id', async () => {
    expect(await interrupted('key:other', randomUUID())).toEqual([notApplied, elsewhere]);
  });

  it('an item is applied_elsewhere if another batch has it, and that batch is named only if it is of the same key', async () => {
    const [batchId, own] = [randomUUID(), randomUUID()];
    expect(await interrupted('key:mine', batchId, own)).toEqual([notApplied, { ...elsewhere, batchId }]);
    expect(await interrupted('key:other', randomUUID(), randomUUID())).toEqual([notApplied, elsewhere]);
    expect(await interrupted('somebody', randomUUID(), randomUUID())).toEqual([notApplied, elsewhere]);
  });

  it('an item whose operation has no actor, as earlier versions wrote it, is judged by the batch id alone', async () => {
    expect(await interrupted(undefined, randomUUID())).toEqual([notApplied, applied]);
    const batchId = randomUUID();
    expect(await interrupted(undefined, batchId, randomUUID())).toEqual([
      notApplied,
      { ...elsewhere, batchId },
    ]);
  });
});

describe('an expired request', () => {
  it('an expired request is unknown and its key is free, and a running request stays', async () => {
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

  it('expired requests are swept some rows at a time, by concurrent sweeps, and all others stay', async () => {
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
