import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PincexClient, PincexClientError } from '../../src/client/index.ts';
import {
  bodyOf,
  clientOf,
  DEPOSIT,
  done,
  drop,
  hang,
  holdTime,
  json,
  lines,
  neverPause,
  passTime,
  problem,
  scripted,
  write,
  type Step,
} from './script.ts';

/** What the errors of a client tell. */

beforeEach(neverPause);

describe('the error of a call names its batch, so that its outcome can be asked for, when', () => {
  it.each<[string, Step, string]>([
    ['no answer came', drop, 'network_error'],
    [
      'it was too late',
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      'deadline_exceeded',
    ],
    ['the service became busy', problem(503, 'overloaded', { retryable: true }), 'overloaded'],
    ['the key was revoked meanwhile', problem(401, 'unauthorized'), 'unauthorized'],
  ])('%s', async (_, last, code) => {
    const { outcome, seen } = await write([drop, last], { maxRetries: 1 });
    expect(outcome).toMatchObject({ code, batchId: bodyOf(seen[0]!)['batchId'] });
    const { message, batchId } = outcome as PincexClientError;
    expect(JSON.parse(JSON.stringify(outcome))).toMatchObject({ code, message, batchId });
  });

  it('none came in time', async () => {
    holdTime();
    const { url, seen } = await scripted(drop, hang);
    const writing = clientOf(url, { timeoutMs: 2_000 })
      .batchDeposit(DEPOSIT)
      .catch((error: unknown) => error);
    await passTime('the second attempt', () => seen.length === 2, 1);
    vi.advanceTimersByTime(2_000);
    expect(await writing).toMatchObject({ code: 'timeout', batchId: bodyOf(seen[0]!)['batchId'] });
  });

  it('it is still being executed at the end of its time', async () => {
    // The pause is longer than the time that is left, so that no attempt is under way when the time is over.
    const last = problem(409, 'request_in_progress', { retryable: true }, { 'retry-after': '600' });
    const { outcome, seen } = await write([drop, last], { timeoutMs: 600_000 });
    expect(outcome).toMatchObject({ code: 'request_in_progress', batchId: bodyOf(seen[0]!)['batchId'] });
  });

  it('the key is its own, and the service tells the batch', async () => {
    const { url } = await scripted(
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      drop,
    );
    const failing = () => clientOf(url, { maxRetries: 0 }).batchDeposit(DEPOSIT, { idempotencyKey: 'own' });
    await expect(failing()).rejects.toMatchObject({ code: 'deadline_exceeded', batchId: 'b' });
    await expect(failing()).rejects.toMatchObject({ code: 'network_error', batchId: null });
  });

  it('the service told it once, and later failures did not', async () => {
    const { url } = await scripted(
      drop,
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'c' }),
      drop,
    );
    const failing = clientOf(url, { maxRetries: 3 }).batchDeposit(DEPOSIT, { idempotencyKey: 'own' });
    await expect(failing).rejects.toMatchObject({ code: 'network_error', batchId: 'b' });
  });

  it('but the reason of who gave it up stays as it is', async () => {
    const { url } = await scripted(drop, hang);
    const reason: unknown = await clientOf(url, { maxRetries: 0 })
      .batchDeposit(DEPOSIT)
      .catch((error: unknown) => error);
    const { batchId } = reason as PincexClientError;
    const again = clientOf(url).batchDeposit(DEPOSIT, { signal: AbortSignal.abort(reason) });
    await expect(again).rejects.toBe(reason);
    expect((reason as PincexClientError).batchId).toBe(batchId);
  });

  it('it is what was asked for', async () => {
    const { url } = await scripted(drop);
    const asking = clientOf(url, { maxRetries: 0 }).getBatch('b');
    await expect(asking).rejects.toMatchObject({ code: 'network_error', batchId: 'b' });
  });

  it('a read has none', async () => {
    const { url } = await scripted(drop);
    const reading = clientOf(url, { maxRetries: 0 }).batchGetAccounts(['alice'], ['USD']);
    await expect(reading).rejects.toMatchObject({ code: 'network_error', batchId: null });
  });
});

describe('something else answers, and is told of, when a line of a stream is', () => {
  const failureOf = async (line: string) => {
    const { url } = await scripted(lines(`${line}\n`, 'end'));
    const rows = clientOf(url).streamAccounts()[Symbol.asyncIterator]();
    return rows.next().catch((error: unknown) => error);
  };

  it.each(['<html>', 'null', '5', '"text"', '{}', '{"cursor":"c1"}'])('%s', async (line) => {
    const failure = await failureOf(line);
    expect(failure).toBeInstanceOf(PincexClientError);
    expect(failure).toMatchObject({
      code: 'http_error',
      retryable: false,
      message: expect.stringContaining(JSON.stringify(line)) as string,
    });
  });

  it('no JSON, with the beginning of it and what the parser said', async () => {
    const failure = await failureOf('x'.repeat(1_000));
    expect(failure).toMatchObject({ cause: expect.any(SyntaxError) as SyntaxError });
    expect(String(failure)).toContain('x'.repeat(100));
    expect(String(failure)).not.toContain('x'.repeat(101));
  });
});

it('says that something else answers, when it is not JSON', async () => {
  const page: Step = (response) => response.end('<html>');
  const { outcome, seen } = await write([page]);
  expect(outcome).toMatchObject({ code: 'http_error', status: 200, retryable: false });
  expect(seen).toHaveLength(1);
});

it("says so when the answer is JSON, and not the service's", async () => {
  const { outcome } = await write([json({ hello: 1 })]);
  expect(outcome).toMatchObject({ code: 'http_error', status: 200, retryable: false });
  expect(String(outcome)).toContain('The answer has no results');
  const { url } = await scripted(json(null));
  const reading = clientOf(url).batchGetOrdersByIds(['a']);
  await expect(reading).rejects.toThrow('The answer has no orders');
});

it('says what is behind a service that cannot be reached', async () => {
  const { url } = await scripted(done);
  const { port } = new URL(url);
  const elsewhere = createServer().listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  const free = (elsewhere.address() as AddressInfo).port;
  await new Promise((resolve) => elsewhere.close(resolve));
  const failure: unknown = await clientOf(url.replace(port, String(free)), { maxRetries: 0 })
    .limits()
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'network_error' });
  expect(String(failure)).toMatch(new RegExp(`fetch failed: connect ECONNREFUSED 127\\.0\\.0\\.1:${free}$`));
});

it.each(['', '/', '//', '/?', '/#', '/a b', ' '])(
  'takes a URL as others read it: with "%s" behind it',
  async (rest) => {
    const { url, seen } = await scripted(json({}));
    await clientOf(` ${url}${rest}`).limits();
    expect(seen[0]?.path).toBe(rest === '/a b' ? '/a%20b/v1/limits' : '/v1/limits');
  },
);

describe('an answer that is not to be believed fails the call, which is not tried again:', () => {
  const failed = { code: 'http_error', retryable: false };

  it.each([301, 302, 303, 307, 308])('a redirect with %i, wherever it leads', async (status) => {
    const elsewhere = await scripted(json({ results: [] }));
    const location = `${elsewhere.url}/v1/funds/batch-deposit`;
    const { outcome, seen } = await write([json({}, status, { location })]);
    expect(outcome).toMatchObject({
      ...failed,
      status,
      message: expect.stringContaining(location) as string,
    });
    expect([seen.length, elsewhere.seen.length]).toEqual([1, 0]);
  });

  it('a stream that is a redirect', async () => {
    const elsewhere = await scripted(lines('{"end":true}\n', 'end'));
    const { url } = await scripted(json({}, 302, { location: elsewhere.url }));
    await expect(clientOf(url).streamAccounts()[Symbol.asyncIterator]().next()).rejects.toMatchObject(failed);
    expect(elsewhere.seen).toEqual([]);
  });

  it('one longer than any of the service', async () => {
    const endless: Step = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const piece = ' '.repeat(1_048_576);
      const send = (): void => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', send);
      };
      send();
    };
    const { outcome, seen } = await write([endless]);
    expect(outcome).toMatchObject({
      ...failed,
      message: expect.stringContaining('67108864 bytes') as string,
    });
    expect(seen).toHaveLength(1);
    const { url } = await scripted(endless);
    await expect(clientOf(url).streamAccounts()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      ...failed,
      message: expect.stringContaining('a line of more than 1048576 characters') as string,
    });
  });
});

describe('a program that is wrong is told so by a TypeError', () => {
  const url = 'http://localhost';
  it.each<[string, () => unknown, string]>([
    ['no URL', () => clientOf('localhost'), 'Invalid URL'],
    ['another protocol', () => clientOf('ftp://localhost'), 'url must begin with http:// or https://'],
    [
      'a URL with a query',
      () => clientOf(`${url}/?a=1`),
      'url must have no query and no fragment, since paths are appended to it: got ?a=1',
    ],
    [
      'retries that are no number',
      () => clientOf(url, { maxRetries: NaN }),
      'a whole number from 0: got NaN',
    ],
    [
      'an option that is misspelt',
      () => clientOf(url, { maxRetry: 1 } as object),
      '"maxRetry" is not an option of PincexClient: it takes url, key, fetch, maxRetries, timeoutMs',
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it('a URL that sends the key in clear to another machine, unless that is allowed', () => {
    for (const host of ['pincex.example', '10.0.0.1', '127.0.0.1.example', 'localhost.example', '[::2]']) {
      expect(() => clientOf(`http://${host}`)).toThrow(TypeError);
      expect(() => clientOf(`http://${host}`)).toThrow('url sends the key in clear to');
      expect(clientOf(`http://${host}`, { allowHttp: true })).toBeInstanceOf(PincexClient);
      expect(clientOf(`https://${host}`)).toBeInstanceOf(PincexClient);
    }
    for (const host of [
      'localhost',
      'LOCALHOST:8080',
      'pincex.localhost',
      '127.0.0.1',
      '127.1',
      '[::1]:80',
    ]) {
      expect(clientOf(`http://${host}`)).toBeInstanceOf(PincexClient);
    }
  });

  it('a URL with a password, without telling it', () => {
    const make = () => clientOf('https://user:secret@localhost');
    expect(make).toThrow(new TypeError('url must have no name and no password: the key is enough'));
  });

  it('a key that is none, without telling it', () => {
    for (const key of ['pincex_id_secret\nX', 'secret', undefined as unknown as string]) {
      const make = () => new PincexClient({ url, key });
      expect(make).toThrow(new TypeError('key must be an API key, pincex_<id>_<secret>'));
    }
  });

  it.each([0, -1, NaN])('no time at all: %s ms', async (timeoutMs) => {
    const client = clientOf(url, { timeoutMs });
    await expect(client.limits()).rejects.toThrow(TypeError);
    await expect(client.streamOrders()[Symbol.asyncIterator]().next()).rejects.toThrow(TypeError);
  });

  it.each(['', 'ключ', 'b'])('a batch id that is none: "%s"', async (batchId) => {
    const writing = clientOf(url).batchDeposit(DEPOSIT, { batchId });
    await expect(writing).rejects.toThrow(new TypeError(`batchId must be a UUID: got "${batchId}"`));
  });

  it.each(['', 'ключ'])('an idempotency key that cannot be sent: "%s"', async (idempotencyKey) => {
    const writing = clientOf(url).batchDeposit(DEPOSIT, { idempotencyKey });
    await expect(writing).rejects.toThrow(/one or more characters, all of printable ASCII/);
  });
});
