import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refusalOf } from '../../src/http/calls/refusal.ts';
import { requestHash, Requests } from '../../src/requests/requests.ts';
import type { Run } from '../../src/requests/run.ts';
import { fresh, funds, isLong, newUser, openBooks, useBooks } from '../support/books.ts';
import { callOf, execute, ROUTE, runOf, sent } from './support.ts';

/** How often ten begin the same call at the same time. */
const ROUNDS = isLong ? 200 : 8;

const books = useBooks();

/** Ends a run with an empty batch. */
const finish = (run: Run, status: number, body: string) => execute(books.pincex, run, [], { status, body });

describe('a call with a key', () => {
  it('a call with a key is executed once: sent again, it gets the stored answer', async () => {
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

  it('a repeated call with a key is refused as request_in_progress while the first one runs in another process', async () => {
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

  it('many concurrent calls with one key run once, across several processes', async () => {
    const other = await openBooks(books.url);
    onTestFinished(() => other.close());
    const sides = [new Requests(books.pincex), new Requests(other)];
    for (let round = 0; round < ROUNDS; round++) {
      const { request } = callOf(fresh('user'), { key: fresh('key') });
      const begun = await Promise.all(
        Array.from({ length: 10 }, (_, i) => sides[i % 2]!.begin(sent(request))),
      );
      const kinds = begun.map(({ kind }) => kind).sort();
      expect(kinds).toEqual(['run', ...Array<string>(9).fill('running')].sort());
      for (const one of begun) if (one.kind === 'run') await one.run.release();
      // The call is released now: of those who want to take it over exactly one gets it.
      const taking = await Promise.all(
        Array.from({ length: 10 }, (_, i) => sides[i % 2]!.begin(sent(request))),
      );
      expect(taking.map(({ kind }) => kind).sort()).toEqual(kinds);
      for (const one of taking) if (one.kind === 'run') await finish(one.run, 200, '{}');
    }
  });

  it('a call that reuses a key with other content is refused, whether the first one runs or has ended', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const changed = { ...request, hash: requestHash(ROUTE, 'other') };
    const run = runOf(await requests.begin(sent(request)));
    const begun = await requests.begin(sent(changed));
    expect(begun).toEqual({ kind: 'reused', what: 'key' });
    if (begun.kind !== 'reused') return;
    expect(refusalOf(begun)).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    await finish(run, 200, '{}');
    expect(await requests.begin(sent(changed))).toEqual({ kind: 'reused', what: 'key' });
  });

  it('a call with a key runs although another caller or another route has used the same key', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    for (const each of [request, { ...request, caller: 'caller-2' }, { ...request, route: '/v1/other' }]) {
      await finish(runOf(await requests.begin(sent(each))), 200, '{}');
    }
  });

  it('a call with a key that failed as a whole runs again under the same batch id', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { key: fresh('key') });
    const run = runOf(await requests.begin(sent(request)));
    await run.release();
    const again = runOf(await requests.begin(sent(request)));
    expect(again.batchId).toBe(run.batchId);
    // The first run has lost the call and can no longer write its answer.
    await expect(finish(run, 200, 'late')).rejects.toMatchObject({ code: 'conflict', retryable: true });
    expect(await run.release()).toBe(false);
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    await finish(again, 200, 'right');
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'finished', body: 'right' });
  });
});

describe('a call without a key', () => {
  it('a call without a key runs each time', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'));
    const runs = [runOf(await requests.begin(sent(request))), runOf(await requests.begin(sent(request)))];
    expect(runs[0]!.batchId).not.toBe(runs[1]!.batchId);
    for (const run of runs) await finish(run, 200, '{}');
  });

  it('a call with a batch id of its own runs once, and no other call of its caller may use that id', async () => {
    const requests = new Requests(books.pincex);
    const { request } = callOf(fresh('user'), { batchId: randomUUID() });
    const run = runOf(await requests.begin(sent(request)));
    expect(run.batchId).toBe(request.batchId);
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'running' });
    await finish(run, 200, '{}');
    expect(await requests.begin(sent(request))).toMatchObject({ kind: 'finished' });
    for (const other of [
      { ...request, hash: 'other' },
      { ...request, route: '/v1/other' },
      { ...request, key: fresh('key') },
    ]) {
      const begun = await requests.begin(sent(other));
      expect(begun).toEqual({ kind: 'reused', what: 'batchId' });
      if (begun.kind === 'reused') expect(refusalOf(begun).code).toBe('batch_id_reused');
    }
  });
});

describe('a batch id that two callers use', () => {
  /** Two callers that have begun their calls under the same batch id. */
  async function twins() {
    const requests = new Requests(books.pincex);
    const batchId = randomUUID();
    const sides = [];
    for (const caller of [fresh('caller'), fresh('caller')]) {
      const userId = await newUser(books.pincex, { USD: '10' });
      const { request, items } = callOf(userId, { caller, batchId });
      sides.push({ userId, request, items, run: runOf(await requests.begin(sent(request))) });
    }
    const [one, other] = sides as [(typeof sides)[0], (typeof sides)[0]];
    return { requests, batchId, one, other };
  }

  it('the batches of two callers with the same id are each executed once and told to their own caller', async () => {
    const { requests, batchId, one, other } = await twins();
    const answers = new Map([
      [one, { status: 200, body: '"one"' }],
      [other, { status: 422, body: '"other"' }],
    ]);
    for (const [{ run, items }, answer] of answers) {
      expect(run.batchId).toBe(batchId);
      expect((await execute(books.pincex, run, items, answer)).counts).toMatchObject({ applied: 1 });
    }
    for (const [{ request }, answer] of answers) {
      const finished = { kind: 'finished', ...answer };
      expect(await requests.begin(sent(request))).toEqual(finished);
      expect(await requests.outcome(batchId, request.caller, false)).toEqual(finished);
      // An admin gets the own batch first.
      expect(await requests.outcome(batchId, request.caller, true)).toEqual(finished);
    }
    // If two other callers have such a batch, an admin gets the older one.
    expect(await requests.outcome(batchId, 'admin', true)).toMatchObject({ body: '"one"' });
    expect(await requests.outcome(batchId, 'nobody', false)).toEqual({ kind: 'unknown' });
  });

  it('a batch id that one caller releases is kept by the other', async () => {
    const { requests, one, other } = await twins();
    expect(await one.run.release()).toBe(true);
    expect(await requests.begin(sent(other.request))).toMatchObject({ kind: 'running' });
    const again = runOf(await requests.begin(sent(one.request)));
    // The released run has lost only its own call.
    await expect(finish(one.run, 200, 'late')).rejects.toMatchObject({ code: 'conflict' });
    await finish(other.run, 200, 'other');
    await finish(again, 200, 'one');
    expect(await requests.begin(sent(one.request))).toMatchObject({ body: 'one' });
    expect(await requests.begin(sent(other.request))).toMatchObject({ body: 'other' });
  });

  it('a batch id that expires for one caller is kept by the other', async () => {
    const { requests, batchId, one, other } = await twins();
    await finish(one.run, 200, 'one');
    await finish(other.run, 200, 'other');
    const { caller } = one.request;
    await books.sql('UPDATE requests SET expires_at = now() WHERE batch_id = $1 AND caller = $2', [
      batchId,
      caller,
    ]);
    await finish(runOf(await requests.begin(sent({ ...one.request, hash: 'other' }))), 200, 'again');
    await books.sql('UPDATE requests SET expires_at = now() WHERE batch_id = $1 AND caller = $2', [
      batchId,
      caller,
    ]);
    await requests.sweep();
    expect(await requests.outcome(batchId, caller, false)).toEqual({ kind: 'unknown' });
    expect(await requests.begin(sent(other.request))).toMatchObject({ body: 'other' });
  });

  it('a call that one caller notes with its batch leaves the running call of the other as it is', async () => {
    const { batchId, one } = await twins();
    const requests = new Requests(books.pincex);
    const noted = { caller: fresh('caller'), route: '/', batchId };
    const answer = { status: 200, body: '{}' };
    await books.pincex.run('mixed', [], { writeWith: [() => requests.answerWriter(noted).partFor(answer)] });
    expect(await requests.outcome(batchId, noted.caller, false)).toEqual({ kind: 'finished', ...answer });
    expect(await requests.outcome(batchId, one.request.caller, false)).toEqual({ kind: 'running' });
  });
});

describe('a call that is noted with its batch', () => {
  /** A call, and `execute`, which runs its batch and notes the call with it. */
  async function executed() {
    const batchId = randomUUID();
    const userId = await newUser(books.pincex, { USD: '10' });
    const { request, items } = callOf(userId, { caller: fresh('caller'), batchId });
    const requests = new Requests(books.pincex);
    const answer = { status: 422, body: '{"é":1}' };
    const writeWith = [() => requests.answerWriter({ ...request, batchId }).partFor(answer)];
    const execute = () => books.pincex.run('mixed', items, { batchId, writeWith });
    return { batchId, userId, request, requests, answer, execute };
  }

  it('the outcome of a noted call is told to its caller, and to no other', async () => {
    const { batchId, request, answer, execute } = await executed();
    expect((await execute()).counts).toMatchObject({ applied: 1, rejected: 1 });
    const requests = new Requests(books.pincex);
    const outcome = await requests.outcome(batchId, request.caller, false);
    expect(outcome).toEqual({ kind: 'finished', ...answer });
    expect(await requests.outcome(batchId, 'caller-2', false)).toEqual({ kind: 'unknown' });
  });

  it('a noted call leaves its batch id to no other call', async () => {
    const { request, requests, execute } = await executed();
    await execute();
    expect(await requests.begin(sent(request))).toEqual({ kind: 'reused', what: 'batchId' });
    await expect(execute()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('a noted call cannot be written once it was left with an unknown end', async () => {
    const { batchId, userId, request, requests, execute } = await executed();
    await requests.markInterrupted(sent(request));
    await expect(execute()).rejects.toMatchObject({ code: 'conflict' });
    expect(await funds(books.pincex, userId, 'USD')).toBe('10 / 0');
    expect(await requests.outcome(batchId, request.caller, false)).toMatchObject({
      kind: 'interrupted',
      batch: { counts: { applied: 0, notApplied: 2 } },
    });
  });
});

describe('a call that is left with an unknown end', () => {
  it('the outcome of a call that was left with an unknown end is looked up in the books', async () => {
    const requests = new Requests(books.pincex);
    const batchId = randomUUID();
    const { request, items } = callOf(await newUser(books.pincex, { USD: '10' }), { batchId });
    await books.pincex.execute(items, { batchId });
    await requests.markInterrupted(sent(request));
    expect(await requests.outcome(batchId, request.caller, false)).toMatchObject({
      kind: 'interrupted',
      batch: { batchId, counts: { applied: 1, notApplied: 1 } },
    });
  });

  it('an error is reported when a call that is left with an unknown end cannot be written', async () => {
    const errors: unknown[] = [];
    const short = await openBooks(books.url);
    const requests = new Requests(short, { onError: (error) => errors.push(error) });
    await short.close();
    await requests.markInterrupted(sent(callOf(fresh('user')).request));
    expect(errors).toEqual([expect.objectContaining({ code: 'closed' })]);
  });
});
