import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Admission } from '../../../src/http/load/admission.ts';
import type { Problem } from '../../../src/http/problems/problem.ts';
import { gate } from '../../support/waiting.ts';

const NEVER = Infinity;

/** Stops the clock until the test ends: it moves only where the test moves it. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Does work in a turn of the key. */
async function run<Result>(
  admission: Admission,
  keyId: string,
  deadline: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const leave = await admission.enter(keyId, deadline);
  try {
    return await work();
  } finally {
    leave();
  }
}

/** The problem with which a call was refused. */
async function refusal(call: Promise<unknown>): Promise<Problem> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error as Problem,
  );
  expect(outcome).toMatchObject({ status: expect.any(Number) as number });
  return outcome!;
}

describe('a service that takes two calls at a time and lets two wait', () => {
  const queueTimeoutMs = 60_000;
  const open = () => new Admission({ maxConcurrent: 2, maxWaiting: 2, queueTimeoutMs });

  it('two calls run at once, the others in the order in which they came, and a fifth is refused at once', async () => {
    const admission = open();
    const gates = [gate(), gate(), gate(), gate()];
    const begun: number[] = [];
    const calls = gates.map((held, n) =>
      run(admission, 'ann', NEVER, async () => {
        begun.push(n);
        await held.opened;
        return n;
      }),
    );
    await setImmediate();
    expect(begun).toEqual([0, 1]);
    expect(admission.load).toEqual({ running: 2, waiting: 2 });
    const fifth = await refusal(run(admission, 'ann', NEVER, () => Promise.resolve()));
    expect(fifth).toMatchObject({ status: 503, code: 'overloaded' });
    expect(fifth.options.headers).toEqual({ 'retry-after': '1' });
    gates[1]!.open();
    await calls[1];
    await setImmediate();
    expect(begun).toEqual([0, 1, 2]);
    for (const held of gates) held.open();
    expect(await Promise.all(calls)).toEqual([0, 1, 2, 3]);
    expect(admission.load).toEqual({ running: 0, waiting: 0 });
  });

  it('the place of a call that failed goes to the next one', async () => {
    const admission = open();
    const failing = [1, 2].map(() => run(admission, 'ann', NEVER, () => Promise.reject(new Error('no'))));
    const third = run(admission, 'ann', NEVER, () => Promise.resolve('done'));
    for (const call of failing) await expect(call).rejects.toThrow('no');
    expect(await third).toBe('done');
    expect(admission.load).toEqual({ running: 0, waiting: 0 });
  });

  it('a call that waited for too long is refused and never runs', async () => {
    stopClock();
    const admission = open();
    const held = gate();
    const running = [1, 2].map(() => run(admission, 'ann', NEVER, () => held.opened));
    let hasRun = false;
    const waiting = run(admission, 'ann', NEVER, () => {
      hasRun = true;
      return Promise.resolve();
    });
    const refused = refusal(waiting);
    vi.advanceTimersByTime(queueTimeoutMs - 1);
    expect(admission.load).toEqual({ running: 2, waiting: 1 });
    vi.advanceTimersByTime(1);
    expect(await refused).toMatchObject({ status: 503, code: 'overloaded' });
    expect(admission.load).toEqual({ running: 2, waiting: 0 });
    held.open();
    await Promise.all(running);
    expect(hasRun).toBe(false);
  });

  it('a call whose deadline has passed is refused and does not begin', async () => {
    stopClock();
    const admission = open();
    const held = gate();
    const running = [1, 2].map(() => run(admission, 'ann', NEVER, () => held.opened));
    const waiting = refusal(run(admission, 'ann', performance.now() + 1_000, () => Promise.resolve()));
    vi.advanceTimersByTime(1_000);
    expect(await waiting).toMatchObject({ status: 504, code: 'deadline_exceeded' });
    held.open();
    await Promise.all(running);
    const late = run(admission, 'ann', performance.now() - 1, () => Promise.resolve());
    expect(await refusal(late)).toMatchObject({ status: 504, code: 'deadline_exceeded' });
    expect(admission.load).toEqual({ running: 0, waiting: 0 });
  });
});

describe('keys that call at the same time', () => {
  const open = (mostBesideOthers = 4) =>
    new Admission({ maxConcurrent: 4, maxWaiting: 8, queueTimeoutMs: 60_000, mostBesideOthers });

  /** A call that runs until it is ended. The keys of the calls that have begun are noted in order. */
  function caller(admission: Admission) {
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const call = (keyId: string) =>
      run(admission, keyId, NEVER, () => {
        begun.push(keyId);
        const held = gate();
        ends.push(() => {
          held.open();
        });
        return held.opened;
      });
    const endOldest = async (): Promise<void> => {
      ends.shift()?.();
      // A call that waited begins one round of the event loop later.
      await setImmediate();
      await setImmediate();
    };
    return { begun, call, endOldest };
  }

  it('keys take turns, however many calls of one of them wait', async () => {
    const admission = open();
    const { begun, call, endOldest } = caller(admission);
    const calls = Array.from('aaaaaaabbc', (keyId) => call(keyId));
    await setImmediate();
    // The last place is kept for a key that has no call running.
    expect(begun.join('')).toBe('aaab');
    while (begun.length < calls.length) await endOldest();
    expect(begun.join('')).toBe('aaabcabaaa');
    await endOldest();
    await endOldest();
    await endOldest();
    await endOldest();
    await Promise.all(calls);
  });

  it('busy keys leave room, to run and to wait, for a key that has no call in flight', async () => {
    const admission = open();
    const { begun, call, endOldest } = caller(admission);
    const hog = Array.from({ length: 9 }, () => call('hog'));
    expect(await refusal(call('hog'))).toMatchObject({ code: 'overloaded' });
    const [first, second] = [call('other'), call('other')];
    await setImmediate();
    expect(begun).toEqual(['hog', 'hog', 'hog', 'other']);
    for (let n = 0; n < 11; n++) await endOldest();
    await Promise.all([...hog, first, second]);
    expect(admission.load).toEqual({ running: 0, waiting: 0 });
  });

  it('a key has at most its share of the places where mostOfKey is set', async () => {
    const admission = new Admission({
      maxConcurrent: 4,
      maxWaiting: 0,
      queueTimeoutMs: 1,
      mostOfKey: 2,
      mostBesideOthers: 2,
    });
    const leave = [await admission.enter('ann', NEVER), await admission.enter('ann', NEVER)];
    expect(await refusal(admission.enter('ann', NEVER))).toMatchObject({ code: 'overloaded' });
    leave.push(await admission.enter('bob', NEVER));
    leave[0]!();
    leave.push(await admission.enter('ann', NEVER));
  });

  it('a key has few places while another one calls, and all that are not kept once the other has stopped', async () => {
    stopClock();
    const admission = open(1);
    const { begun, call, endOldest } = caller(admission);
    const hog = Array.from({ length: 6 }, () => call('hog'));
    await setImmediate();
    expect(begun.join(' ')).toBe('hog hog hog');
    const other = call('other');
    await endOldest();
    await endOldest();
    await endOldest();
    expect(begun.join(' ')).toBe('hog hog hog other hog');
    await endOldest();
    await other;
    // The other key may call again at once.
    await endOldest();
    expect(begun.join(' ')).toBe('hog hog hog other hog hog');
    vi.advanceTimersByTime(500);
    const last = call('hog');
    await endOldest();
    expect(begun.join(' ')).toBe('hog hog hog other hog hog hog hog');
    await endOldest();
    await endOldest();
    await Promise.all([...hog, last]);
  });

  it('keys share all places that are not kept where calls of each of them wait', async () => {
    stopClock();
    const admission = new Admission({
      maxConcurrent: 4,
      maxWaiting: 100,
      queueTimeoutMs: 60_000,
      mostBesideOthers: 1,
    });
    const { begun, call, endOldest } = caller(admission);
    const calls = Array.from('aaaabbbb'.repeat(4), (keyId) => call(keyId));
    // These calls came before others of their key waited.
    for (let n = 0; n < 8; n++) await endOldest();
    vi.advanceTimersByTime(500);
    await endOldest();
    expect(admission.load.running).toBe(3);
    while (begun.length < calls.length) await endOldest();
    for (let n = 0; n < 4; n++) await endOldest();
    await Promise.all(calls);
  });

  it('a key rests after a large call for as long as that took, where another key calls meanwhile', async () => {
    stopClock();
    const admission = open(1);
    const endLarge = await admission.enter('hog', NEVER);
    const endOther = await admission.enter('other', NEVER);
    vi.advanceTimersByTime(400);
    endLarge(true);
    let hasBegun = false;
    const next = run(admission, 'hog', NEVER, () => {
      hasBegun = true;
      return Promise.resolve();
    });
    vi.advanceTimersByTime(399);
    await setImmediate();
    expect([hasBegun, admission.load]).toEqual([false, { running: 2, waiting: 1 }]);
    vi.advanceTimersByTime(1);
    await next;
    endOther();
    vi.advanceTimersByTime(500);
    (await admission.enter('hog', NEVER))(true);
    expect(admission.load).toEqual({ running: 0, waiting: 0 });
  });
});
