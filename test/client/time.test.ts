import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PincexClient } from '../../src/client/index.ts';
import { until } from '../support/waiting.ts';
import {
  clientOf,
  DEPOSIT,
  done,
  drop,
  hang,
  holdTime,
  neverPause,
  passTime,
  problem,
  scripted,
  write,
  type Step,
} from './script.ts';

/** How long a call waits for an answer or before a retry, and how its caller aborts it. */

beforeEach(neverPause);

const busyFor = (seconds: number) =>
  problem(503, 'overloaded', { retryable: true }, { 'retry-after': String(seconds) });

describe('Retry-After', () => {
  it('the client waits for Retry-After before it tries again', async () => {
    holdTime();
    const { url, seen } = await scripted(busyFor(1), done);
    const writing = clientOf(url).batchDeposit(DEPOSIT);
    await until('the first attempt', () => seen.length === 1);
    await passTime('the second attempt', () => seen.length === 2, 20);
    await writing;
    expect(seen[1]!.atMs - seen[0]!.atMs).toBeGreaterThanOrEqual(1_000);
  });

  it('a call fails at once when Retry-After goes beyond its timeout', async () => {
    // If the client waited, the test would time out.
    const { outcome, seen } = await write([busyFor(60), done]);
    expect(outcome).toMatchObject({ code: 'overloaded', retryAfterMs: 60_000 });
    expect(seen).toHaveLength(1);
  });

  it.each([61, 3_600, 2_592_000])(
    'a call with an infinite timeout fails at once when Retry-After is longer than a minute: %d s',
    async (seconds) => {
      const { outcome, seen } = await write([busyFor(seconds), done], { timeoutMs: Infinity });
      expect(outcome).toMatchObject({ code: 'overloaded', retryable: true, retryAfterMs: seconds * 1_000 });
      expect(seen).toHaveLength(1);
    },
  );
});

describe('the header Request-Timeout', () => {
  it('each attempt tells the service how much time is left, less than the attempt before', async () => {
    // Each pause has a tenth of its greatest length.
    vi.mocked(Math.random).mockReturnValue(0.1);
    const { seen } = await write([drop, drop, done], { timeoutMs: 300_000 });
    const seconds = seen.map(({ headers }) => Number(headers['request-timeout']));
    expect(seconds[0]).toBeLessThanOrEqual(299.5);
    expect(seconds[1]).toBeLessThan(seconds[0]!);
    expect(seconds[2]).toBeLessThan(seconds[1]!);
  });

  it('a call with an infinite timeout sends no Request-Timeout', async () => {
    const { seen } = await write([done], { timeoutMs: Infinity });
    expect(seen[0]?.headers).not.toHaveProperty('request-timeout');
  });
});

describe('the timeout of a call', () => {
  const begin: Step = (response) => response.writeHead(200, { 'content-length': '100' }).write('{');
  it.each<[string, Step]>([
    ['sends nothing', hang],
    ['stops in the middle of its answer', begin],
  ])('a call fails exactly at its timeout when the service %s', async (_, step) => {
    holdTime();
    const { url, seen } = await scripted(step);
    const writing = clientOf(url, { timeoutMs: 5_000 })
      .batchDeposit(DEPOSIT)
      .catch((error: unknown) => error);
    await until('the call to come', () => seen.length === 1);
    vi.advanceTimersByTime(4_999);
    const isLate = vi.fn();
    void writing.then(isLate);
    // An answer over the network arrives meanwhile, so a failure that came too early would show here.
    await fetch((await scripted(done)).url);
    expect(isLate).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(await writing).toMatchObject({ code: 'timeout', status: null, retryable: true });
  });
});

describe('a call that its caller aborts', () => {
  const reason = new Error('Enough');

  it('a call that is aborted before it is sent fails with the abort reason and is not sent', async () => {
    const { url, seen } = await scripted(done);
    const given = clientOf(url).batchDeposit(DEPOSIT, { signal: AbortSignal.abort(reason) });
    await expect(given).rejects.toBe(reason);
    expect(seen).toHaveLength(0);
  });

  it('a call that is aborted during an attempt fails with the abort reason', async () => {
    const { url, seen } = await scripted(hang);
    const controller = new AbortController();
    const { signal } = controller;
    const given = clientOf(url, { timeoutMs: Infinity }).batchDeposit(DEPOSIT, { signal });
    given.catch(() => undefined);
    await until('the attempt', () => seen.length === 1);
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
  });

  it('a call that is aborted between attempts fails with the abort reason', async () => {
    const { url, seen } = await scripted(busyFor(60));
    const controller = new AbortController();
    const { signal } = controller;
    const listening = vi.spyOn(signal, 'addEventListener');
    const given = clientOf(url, { timeoutMs: Infinity }).batchDeposit(DEPOSIT, { signal });
    given.catch(() => undefined);
    // The attempt adds the first listener to the signal, the pause adds the second.
    await until('the pause', () => listening.mock.calls.length === 2);
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
  });

  it('an aborted call fails with the abort reason where fetch rejects with an error of its own', async () => {
    const controller = new AbortController();
    const client = new PincexClient({ url: 'http://localhost', key: 'pincex_a', fetch: hanging });
    const given = client.limits({ signal: controller.signal });
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
  });

  it('a call fails with timeout where fetch rejects with an error of its own', async () => {
    const client = new PincexClient({ url: 'http://localhost', key: 'pincex_a', fetch: hanging });
    await expect(client.limits({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
  });

  /** The fetch of a platform that does not pass on why a request was aborted. */
  const hanging = ((_url: string, { signal }: { signal: AbortSignal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new DOMException('The user aborted a request', 'AbortError'));
      });
    })) as unknown as typeof fetch;
});

it('a signal that outlives its calls keeps no listener, whether a call succeeds, is refused or is retried', async () => {
  const { signal } = new AbortController();
  const [adding, removing] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
  const { url } = await scripted(drop, done, problem(400, 'malformed_request'));
  await clientOf(url).batchDeposit(DEPOSIT, { signal });
  await expect(clientOf(url).batchDeposit(DEPOSIT, { signal })).rejects.toMatchObject({ status: 400 });
  const listeners = (calls: unknown[][]) => calls.map(([, listener]) => listener);
  expect(adding.mock.calls.length).toBeGreaterThan(3);
  expect(new Set(listeners(removing.mock.calls))).toEqual(new Set(listeners(adding.mock.calls)));
});
