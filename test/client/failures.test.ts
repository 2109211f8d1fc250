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

/** The errors that a client throws: their codes, batch ids and messages. */

beforeEach(neverPause);

describe('the batch id of an error', () => {
  it.each<[string, Step, string]>([
    ['no answer came', drop, 'network_error'],
    [
      'the deadline was exceeded',
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      'deadline_exceeded',
    ],
    ['the service is overloaded', problem(503, 'overloaded', { retryable: true }), 'overloaded'],
    ['the key was revoked between two attempts', problem(401, 'unauthorized'), 'unauthorized'],
  ])('the error of a write carries its batch id when %s', async (_, last, code) => {
    const { outcome, seen } = await write([drop, last], { maxRetries: 1 });
    expect(outcome).toMatchObject({ code, batchId: bodyOf(seen[0]!)['batchId'] });
    const { message, batchId } = outcome as PincexClientError;
    expect(JSON.parse(JSON.stringify(outcome))).toMatchObject({ code, message, batchId });
  });

  it('the error of a write carries its batch id when it times out', async () => {
    holdTime();
    const { url, seen } = await scripted(drop, hang);
    const writing = clientOf(url, { timeoutMs: 2_000 })
      .batchDeposit(DEPOSIT)
      .catch((error: unknown) => error);
    await passTime('the second attempt', () => seen.length === 2, 1);
    vi.advanceTimersByTime(2_000);
    expect(await writing).toMatchObject({ code: 'timeout', batchId: bodyOf(seen[0]!)['batchId'] });
  });

  it('the error of a write carries its batch id when its first attempt still runs at the end of its time', async () => {
    // The pause is longer than the time that is left, so no attempt is under way when the time is over.
    const last = problem(409, 'request_in_progress', { retryable: true }, { 'retry-after': '600' });
    const { outcome, seen } = await write([drop, last], { timeoutMs: 600_000 });
    expect(outcome).toMatchObject({ code: 'request_in_progress', batchId: bodyOf(seen[0]!)['batchId'] });
  });

  it("with the caller's own idempotency key an error carries the batch id that the service named, or null", async () => {
    const { url } = await scripted(
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      drop,
    );
    const failing = () => clientOf(url, { maxRetries: 0 }).batchDeposit(DEPOSIT, { idempotencyKey: 'own' });
    await expect(failing()).rejects.toMatchObject({ code: 'deadline_exceeded', batchId: 'b' });
    await expect(failing()).rejects.toMatchObject({ code: 'network_error', batchId: null });
  });

  it("with the caller's own idempotency key an error carries the first batch id that the service named", async () => {
    const { url } = await scripted(
      drop,
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'b' }),
      problem(504, 'deadline_exceeded', { retryable: true, batchId: 'c' }),
      drop,
    );
    const failing = clientOf(url, { maxRetries: 3 }).batchDeposit(DEPOSIT, { idempotencyKey: 'own' });
    await expect(failing).rejects.toMatchObject({ code: 'network_error', batchId: 'b' });
  });

  it('an error of the client that is passed as abort reason keeps its own batch id', async () => {
    const { url } = await scripted(drop, hang);
    const reason: unknown = await clientOf(url, { maxRetries: 0 })
      .batchDeposit(DEPOSIT)
      .catch((error: unknown) => error);
    const { batchId } = reason as PincexClientError;
    const again = clientOf(url).batchDeposit(DEPOSIT, { signal: AbortSignal.abort(reason) });
    await expect(again).rejects.toBe(reason);
    expect((reason as PincexClientError).batchId).toBe(batchId);
  });

  it('the error of getBatch carries the batch id that was asked for', async () => {
    const { url } = await scripted(drop);
    const asking = clientOf(url, { maxRetries: 0 }).getBatch('b');
    await expect(asking).rejects.toMatchObject({ code: 'network_error', batchId: 'b' });
  });

  it('the error of a read has no batch id', async () => {
    const { url } = await scripted(drop);
    const reading = clientOf(url, { maxRetries: 0 }).batchGetAccounts(['alice'], ['USD']);
    await expect(reading).rejects.toMatchObject({ code: 'network_error', batchId: null });
  });
});

describe("a line of a stream that is not the service's", () => {
  const failureOf = async (line: string) => {
    const { url } = await scripted(lines(`${line}\n`, 'end'));
    const rows = clientOf(url).streamAccounts()[Symbol.asyncIterator]();
    return rows.next().catch((error: unknown) => error);
  };

  it.each(['<html>', 'null', '5', '"text"', '{}', '{"cursor":"c1"}'])(
    "a stream fails with http_error and quotes the line that is not the service's: %s",
    async (line) => {
      const failure = await failureOf(line);
      expect(failure).toBeInstanceOf(PincexClientError);
      expect(failure).toMatchObject({
        code: 'http_error',
        retryable: false,
        message: expect.stringContaining(JSON.stringify(line)) as string,
      });
    },
  );

  it("a stream line that is not JSON fails with the parser's error as cause and quotes its first 100 characters", async () => {
    const failure = await failureOf('x'.repeat(1_000));
    expect(failure).toMatchObject({ cause: expect.any(SyntaxError) as SyntaxError });
    expect(String(failure)).toContain('x'.repeat(100));
    expect(String(failure)).not.toContain('x'.repeat(101));
  });
});

it('an answer that is not JSON fails the call with http_error, and the call is not sent again', async () => {
  const page: Step = (response) => response.end('<html>');
  const { outcome, seen } = await write([page]);
  expect(outcome).toMatchObject({ code: 'http_error', status: 200, retryable: false });
  expect(seen).toHaveLength(1);
});

it("an answer that is JSON but lacks the service's fields fails the call and names the missing field", async () => {
  const { outcome } = await write([json({ hello: 1 })]);
  expect(outcome).toMatchObject({ code: 'http_error', status: 200, retryable: false });
  expect(String(outcome)).toContain('The answer has no results');
  const { url } = await scripted(json(null));
  const reading = clientOf(url).batchGetOrdersByIds(['a']);
  await expect(reading).rejects.toThrow('The answer has no orders');
});

it('a call to a service that cannot be reached fails with the cause in its message', async () => {
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
  'the client normalises its URL before it appends a path: "%s" at the end',
  async (rest) => {
    const { url, seen } = await scripted(json({}));
    await clientOf(` ${url}${rest}`).limits();
    expect(seen[0]?.path).toBe(rest === '/a b' ? '/a%20b/v1/limits' : '/v1/limits');
  },
);

describe('an answer that cannot be trusted', () => {
  const failed = { code: 'http_error', retryable: false };

  it.each([301, 302, 303, 307, 308])(
    'a redirect with %i fails the call: it is neither followed nor tried again',
    async (status) => {
      const elsewhere = await scripted(json({ results: [] }));
      const location = `${elsewhere.url}/v1/funds/batch-deposit`;
      const { outcome, seen } = await write([json({}, status, { location })]);
      expect(outcome).toMatchObject({
        ...failed,
        status,
        message: expect.stringContaining(location) as string,
      });
      expect([seen.length, elsewhere.seen.length]).toEqual([1, 0]);
    },
  );

  it('a redirect fails a stream and is not followed', async () => {
    const elsewhere = await scripted(lines('{"end":true}\n', 'end'));
    const { url } = await scripted(json({}, 302, { location: elsewhere.url }));
    await expect(clientOf(url).streamAccounts()[Symbol.asyncIterator]().next()).rejects.toMatchObject(failed);
    expect(elsewhere.seen).toEqual([]);
  });

  it('an answer, or a line of a stream, that is longer than the client reads fails the call', async () => {
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

describe('a mistake in the calling program', () => {
  const url = 'http://localhost';
  it.each<[string, () => unknown, string]>([
    ['a text that is no URL', () => clientOf('localhost'), 'Invalid URL'],
    [
      'a URL with another protocol',
      () => clientOf('ftp://localhost'),
      'url must begin with http:// or https://',
    ],
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
  ])('the client throws a TypeError for %s', (_, make, message) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it('the client refuses a URL that sends the key in clear to another machine, unless allowHttp is set', () => {
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

  it('the client refuses a URL with a password, and the message does not repeat the password', () => {
    const make = () => clientOf('https://user:secret@localhost');
    expect(make).toThrow(new TypeError('url must have no name and no password: the key is enough'));
  });

  it('the client refuses a text that is no API key, and the message does not repeat the text', () => {
    for (const key of ['pincex_id_secret\nX', 'secret', undefined as unknown as string]) {
      const make = () => new PincexClient({ url, key });
      expect(make).toThrow(new TypeError('key must be an API key, pincex_<id>_<secret>'));
    }
  });

  it.each([0, -1, NaN])(
    'a call and a stream with a timeout of %s ms fail with a TypeError',
    async (timeoutMs) => {
      const client = clientOf(url, { timeoutMs });
      await expect(client.limits()).rejects.toThrow(TypeError);
      await expect(client.streamOrders()[Symbol.asyncIterator]().next()).rejects.toThrow(TypeError);
    },
  );

  it.each(['', 'ключ', 'b'])(
    'a call fails with a TypeError when its batch id is not a UUID: "%s"',
    async (batchId) => {
      const writing = clientOf(url).batchDeposit(DEPOSIT, { batchId });
      await expect(writing).rejects.toThrow(new TypeError(`batchId must be a UUID: got "${batchId}"`));
    },
  );

  it.each(['', 'ключ'])(
    'a call fails with a TypeError when its idempotency key cannot be sent in a header: "%s"',
    async (idempotencyKey) => {
      const writing = clientOf(url).batchDeposit(DEPOSIT, { idempotencyKey });
      await expect(writing).rejects.toThrow(/one or more characters, all of printable ASCII/);
    },
  );
});
