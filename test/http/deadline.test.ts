import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
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

it('what the client was told not to have begun does not begin', async () => {
  // The place comes free in the very moment in which the time is over.
  const turns = new Turns({
    run: async (deadline, work) => {
      await sleep(deadline - performance.now() + 20);
      return work();
    },
    idle: () => Promise.resolve(),
    load: { running: 0, waiting: 0 },
  });
  let hasBegun = false;
  const work = (): Promise<void> => {
    hasBegun = true;
    return Promise.resolve();
  };
  const late = () => ({ detail: 'late' });
  await expect(turns.take({ deadline: performance.now() + 20 }, work, late)).rejects.toMatchObject({
    status: 504,
    message: expect.stringContaining('before the call began') as string,
  });
  await sleep(60);
  expect(hasBegun).toBe(false);
});
