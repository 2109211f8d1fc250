import { setImmediate } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Admission } from '../../src/http/load/admission.ts';
import { withDeadline } from '../../src/deadline.ts';
import { timeoutOf } from '../../src/http/calls/deadline.ts';
import { CallGate } from '../../src/http/load/callGate.ts';
import { gate } from '../support/waiting.ts';

describe('Request-Timeout', () => {
  it.each([
    ['5', 5_000],
    ['0.25', 250],
    ['2147483', 2_147_483_000],
  ])('%s says how long the client waits', (header, ms) => {
    expect(timeoutOf(header)).toBe(ms);
  });

  it('says nothing where it is absent', () => {
    expect(timeoutOf(undefined)).toBe(Infinity);
  });

  it.each(['', '0', '-1', '1e3', 'soon', '5s', '99999999', '1, 2'])('%j is refused', (header) => {
    expect(() => timeoutOf(header)).toThrow(
      expect.objectContaining({ status: 400, code: 'invalid_request_timeout' }) as Error,
    );
  });
});

/** Stops the clock until the test has ended: it goes on where it is moved. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

describe('work with a deadline', () => {
  const late = () => new Error('late');
  const never = new Promise<never>(() => undefined);

  it('that is done in time comes to its end', async () => {
    expect(await withDeadline(performance.now() + 60_000, Promise.resolve(1), late)).toBe(1);
  });

  it('is waited for as long as it takes where the deadline never comes', async () => {
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

  it('is waited for until then, and no longer', async () => {
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

  it('that fails later disturbs nobody', async () => {
    stopClock();
    const held = gate();
    const failing = held.opened.then(() => Promise.reject(new Error('failed')));
    const work = withDeadline(performance.now() + 1_000, failing, late);
    vi.advanceTimersByTime(1_000);
    await expect(work).rejects.toThrow('late');
    held.open();
    // Nobody handles its failure but who waited: another would end the test.
    await setImmediate();
  });
});

describe('a call that has its turn', () => {
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

  it('does not begin where its client was told that it has not begun', async () => {
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
    // The place comes free in the very moment in which the time is over.
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

  it('does not begin where too much of what its key was answered is yet to be taken', async () => {
    const callGate = gateOf({ enter: () => Promise.resolve(() => undefined) }, true);
    const work = () => Promise.reject(new Error('It began'));
    await expect(callGate.run(requestBy(Infinity), work, late)).rejects.toMatchObject({
      status: 503,
      code: 'overloaded',
    });
  });

  it('is logged where it fails behind its deadline: nobody else is told', async () => {
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
