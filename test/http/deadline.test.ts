import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import type { Admission } from '../../src/http/admission.ts';
import { timeoutOf, withDeadline } from '../../src/http/deadline.ts';
import { Turns } from '../../src/http/turns.ts';

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

describe('work with a deadline', () => {
  const late = () => new Error('late');

  it('is waited for until then', async () => {
    expect(await withDeadline(performance.now() + 60_000, Promise.resolve(1), late)).toBe(1);
    expect(await withDeadline(Infinity, sleep(5, 2), late)).toBe(2);
    await expect(withDeadline(performance.now() + 5, sleep(10_000, 0, { ref: false }), late)).rejects.toThrow(
      'late',
    );
  });

  it('that fails later disturbs nobody', async () => {
    const failing = sleep(15).then(() => Promise.reject(new Error('failed')));
    await expect(withDeadline(performance.now() + 5, failing, late)).rejects.toThrow('late');
    await sleep(20);
  });
});

describe('a call that has its turn', () => {
  const logged: unknown[] = [];
  const requestBy = (deadline: number) => {
    const log = { error: (_: unknown, message: string) => logged.push(message) };
    return {
      deadline,
      caller: { keyId: 'key', scopes: [], rateLimit: null },
      log,
    } as unknown as FastifyRequest;
  };
  const turnsOf = (admission: Pick<Admission, 'run'>, isFull = false) =>
    new Turns(
      { idle: () => Promise.resolve(), load: { running: 0, waiting: 0 }, run: admission.run.bind(admission) },
      { isFull: (key) => isFull && key === 'key' },
    );
  const late = () => ({ detail: 'late' });

  it('does not begin where its client was told that it has not begun', async () => {
    // The place comes free in the very moment in which the time is over.
    const turns = turnsOf({
      run: async (deadline, work) => {
        await sleep(deadline - performance.now() + 20);
        return work();
      },
    });
    let hasBegun = false;
    const work = (): Promise<void> => {
      hasBegun = true;
      return Promise.resolve();
    };
    await expect(turns.take(requestBy(performance.now() + 20), work, late)).rejects.toMatchObject({
      status: 504,
      message: expect.stringContaining('before the call began') as string,
    });
    await sleep(60);
    expect(hasBegun).toBe(false);
    expect(logged).toEqual([]);
  });

  it('does not begin where too much of what its key was answered is yet to be taken', async () => {
    const turns = turnsOf({ run: async (_, work) => work() }, true);
    const work = () => Promise.reject(new Error('It began'));
    await expect(turns.take(requestBy(Infinity), work, late)).rejects.toMatchObject({
      status: 503,
      code: 'overloaded',
    });
  });

  it('is logged where it fails behind its deadline: nobody else is told', async () => {
    const turns = turnsOf({ run: (_, work) => work() });
    const work = () => sleep(40).then(() => Promise.reject(new TypeError('a fault')));
    await expect(turns.take(requestBy(performance.now() + 20), work, late)).rejects.toThrow('late');
    await sleep(60);
    expect(logged).toEqual(['failed behind its deadline']);
    await expect(turns.take(requestBy(Infinity), work, late)).rejects.toThrow('a fault');
    expect(logged).toHaveLength(1);
  });
});
