import { setImmediate } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Admission } from '../../../src/http/load/admission.ts';
import { withDeadline } from '../../../src/deadline.ts';
import { timeoutOf } from '../../../src/http/calls/deadline.ts';
import { CallGate } from '../../../src/http/load/callGate.ts';
import { gate } from '../../support/waiting.ts';

describe('Request-Timeout', () => {
  it.each([
    ['5', 5_000],
    ['0.25', 250],
    ['2147483', 2_147_483_000],
  ])('Request-Timeout: %s is read as %i ms', (header, ms) => {
    expect(timeoutOf(header)).toBe(ms);
  });

  it('a call without Request-Timeout has no deadline', () => {
    expect(timeoutOf(undefined)).toBe(Infinity);
  });

  it.each(['', '0', '-1', '1e3', 'soon', '5s', '99999999', '1, 2'])(
    'Request-Timeout: %j is refused',
    (header) => {
      expect(() => timeoutOf(header)).toThrow(
        expect.objectContaining({ status: 400, code: 'invalid_request_timeout' }) as Error,
      );
    },
  );
});

/** Stops the clock until the test ends: it moves only where the test moves it. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

describe('work with a deadline', () => {
  const late = () => new Error('late');
  const never = new Promise<never>(() => undefined);

  it('work that is done before its deadline returns its result', async () => {
    expect(await withDeadline(performance.now() + 60_000, Promise.resolve(1), late)).toBe(1);
  });

  it('work without a deadline is waited for as long as it takes', async () => {
    stopClock();
    const held = gate();
    const work = withDeadline(
      Infinity,
      held.opened.then(() => 2),
      late,
    );
    vi.advanceTimersByTime(3_600_000);
    held.open();
    expect(await work).toBe(2);
  });

  it('work is waited for until its deadline, and no longer', async () => {
    stopClock();
    const work = withDeadline(performance.now() + 1_000, never, late);
    let told: unknown;
    void work.catch((error: unknown) => (told = error));
    vi.advanceTimersByTime(999);
    await setImmediate();
    expect(told).toBeUndefined();
    vi.advanceTimersByTime(1);
    await expect(work).rejects.toThrow('late');
  });

  it('work that fails after its deadline disturbs nobody', async () => {
    stopClock();
    const held = gate();
    const failing = held.opened.then(() => Promise.reject(new Error('failed')));
    const work = withDeadline(performance.now() + 1_000, failing, late);
    vi.advanceTimersByTime(1_000);
    await expect(work).rejects.toThrow('late');
    held.open();
    // The caller has given this work up: a rejection that nobody handles would fail the test.
    await setImmediate();
  });
});

describe('the turn of a call', () => {
  const logged: unknown[] = [];
  const requestBy = (deadline: number) => {
    const log = { error: (_: unknown, message: string) => logged.push(message) };
    return {
      deadline,
      caller: { keyId: 'key', scopes: [], rateLimit: null },
      confirmKey: () => Promise.resolve(),
      leave: null,
      cost: 1,
      log,
    } as unknown as FastifyRequest;
  };
  const gateOf = (admission: Pick<Admission, 'enter'>, isFull = false) =>
    new CallGate(
      {
        idle: () => Promise.resolve(),
        load: { running: 0, waiting: 0 },
        note: () => undefined,
        enter: admission.enter.bind(admission),
      },
      { hasRoom: (key) => !isFull || key !== 'key' },
    );
  const late = () => ({ detail: 'late' });

  it('a call does not begin once its client was told that it has not begun', async () => {
    stopClock();
    const free = gate();
    const callGate = gateOf({
      enter: async () => {
        await free.opened;
        return () => undefined;
      },
    });
    let hasBegun = false;
    const work = (): Promise<void> => {
      hasBegun = true;
      return Promise.resolve();
    };
    const call = callGate.run(requestBy(performance.now() + 1_000), work, late);
    // The place becomes free in the very moment in which the time is over.
    vi.advanceTimersByTime(1_000);
    free.open();
    await expect(call).rejects.toMatchObject({
      status: 504,
      message: expect.stringContaining('before the call began') as string,
    });
    await setImmediate();
    expect(hasBegun).toBe(false);
    expect(logged).toEqual([]);
  });

  it('a call does not begin while too many answers to its key are not taken yet', async () => {
    const callGate = gateOf({ enter: () => Promise.resolve(() => undefined) }, true);
    const work = () => Promise.reject(new Error('It began'));
    await expect(callGate.run(requestBy(Infinity), work, late)).rejects.toMatchObject({
      status: 503,
      code: 'overloaded',
    });
  });

  it('a call that fails after its deadline is logged, since nobody else is told', async () => {
    stopClock();
    const callGate = gateOf({ enter: () => Promise.resolve(() => undefined) });
    const held = gate();
    const work = () => held.opened.then(() => Promise.reject(new TypeError('a fault')));
    const call = callGate.run(requestBy(performance.now() + 1_000), work, late);
    await setImmediate();
    vi.advanceTimersByTime(1_000);
    await expect(call).rejects.toThrow('late');
    held.open();
    await setImmediate();
    expect(logged).toEqual(['failed after its deadline']);
    await expect(callGate.run(requestBy(Infinity), work, late)).rejects.toThrow('a fault');
    expect(logged).toHaveLength(1);
  });
});
