import { beforeEach, describe, expect, it } from 'vitest';
import { PincexClientError } from '../../src/client/index.ts';
import { readRetryAfter } from '../../src/client/errors.ts';
import { pauseMs } from '../../src/client/retries.ts';
import {
  bodyOf,
  clientOf,
  DEPOSIT,
  done,
  drop,
  half,
  json,
  neverPause,
  problem,
  RESULT,
  scripted,
  write,
  type Step,
} from './script.ts';

/** Against a server that fails on purpose: what is sent again, how often, and with which key. */

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

beforeEach(neverPause);

describe('a call is sent again, with the same body and idempotency key, when', () => {
  it.each<[string, Step]>([
    ['the connection is cut before an answer', drop],
    ['the connection is cut within the answer', half(RESULT)],
    ['a proxy had no answer: 502', json('Bad gateway', 502)],
    ['it came too slowly: 408', json('Request Timeout', 408)],
    ['the service is busy: 503', problem(503, 'overloaded', { retryable: true })],
    ['the service is stopping: 503', problem(503, 'draining', { retryable: true })],
    ['it was too late: 504', problem(504, 'deadline_exceeded', { retryable: true })],
    ['a proxy had enough of it: 429', json('Too many requests', 429)],
    ['a proxy tells so in a problem of its own', json({ code: 'busy', detail: 'Too many calls' }, 503)],
    ['too much was sent: 429', problem(429, 'rate_limited', { retryable: true })],
    ['the batch lost against others: 409', problem(409, 'conflict', { retryable: true })],
    ['its first attempt is under way: 409', problem(409, 'request_in_progress', { retryable: true })],
  ])('%s', async (_, failure) => {
    const { outcome, seen, keys } = await write([failure, failure, done]);
    expect(outcome).toEqual(RESULT);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
    expect(bodyOf(seen[0]!)).toEqual({ items: DEPOSIT, batchId: expect.stringMatching(UUID) as string });
    expect(keys).toEqual(new Set([`"${bodyOf(seen[0]!)['batchId'] as string}"`]));
  });
});

describe('a call is not sent again when', () => {
  it.each<[string, Step, object]>([
    ['it is malformed', problem(400, 'malformed_request'), { code: 'malformed_request', status: 400 }],
    ['there is no key', problem(401, 'unauthorized'), { code: 'unauthorized', status: 401 }],
    ['the key may not', problem(403, 'forbidden'), { code: 'forbidden', status: 403 }],
    ['there is nothing', problem(404, 'not_found'), { code: 'not_found', status: 404 }],
    ['it is too large', problem(413, 'body_too_large'), { code: 'body_too_large', status: 413 }],
    [
      'its key was reused',
      problem(422, 'idempotency_key_reused'),
      { code: 'idempotency_key_reused', status: 422 },
    ],
    ['it never fits', problem(429, 'rate_limited'), { code: 'rate_limited', status: 429 }],
    ['the service says it is of no use', problem(503, 'closed'), { code: 'closed', status: 503 }],
    ['the service failed', problem(500, 'internal_error'), { code: 'internal_error', status: 500 }],
    ['a proxy failed', json('Oops', 500), { code: 'http_error', status: 500, problem: null }],
    ['another program answers', json('Hello', 404), { code: 'http_error', status: 404, problem: null }],
  ])('%s', async (_, failure, wanted) => {
    const { outcome, seen } = await write([failure, done]);
    expect(outcome).toBeInstanceOf(PincexClientError);
    expect(outcome).toMatchObject({ retryable: false, ...wanted });
    expect(seen).toHaveLength(1);
  });
});

it('returns the batch of an atomic batch that was rejected, and sends it once', async () => {
  const { outcome, seen } = await write([problem(422, 'batch_rejected', { batch: RESULT })]);
  expect(outcome).toEqual(RESULT);
  expect(seen).toHaveLength(1);
});

it('sends each call with a key of its own, or with that of the caller', async () => {
  const { url, seen } = await scripted(done);
  const client = clientOf(url);
  await client.batchDeposit(DEPOSIT);
  await client.batchDeposit(DEPOSIT);
  await client.batchDeposit(DEPOSIT, { idempotencyKey: 'my "own" \\ key' });
  const keys = seen.map(({ headers }) => headers['idempotency-key']);
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe('"my \\"own\\" \\\\ key"');
  // The same in every process, so that the service knows it for the same call.
  expect(bodyOf(seen[2]!)).toEqual({ items: DEPOSIT });
});

it('sends its API key, its batch id and its mode; reads need no idempotency key', async () => {
  const { url, seen } = await scripted(done, json({ accounts: [] }));
  const client = clientOf(url);
  await client.batchDeposit(DEPOSIT, { mode: 'atomic', batchId: '0198d3a4-0000-7000-8000-000000000000' });
  await client.batchGetAccounts(['alice'], ['USD'], { minVersions: [3] });
  expect(seen[0]).toMatchObject({
    path: '/v1/funds/batch-deposit',
    headers: {
      authorization: 'Bearer pincex_id_secret',
      'content-type': 'application/json',
      'idempotency-key': '"0198d3a4-0000-7000-8000-000000000000"',
    },
  });
  expect(bodyOf(seen[0]!)).toEqual({
    items: DEPOSIT,
    mode: 'atomic',
    batchId: '0198d3a4-0000-7000-8000-000000000000',
  });
  expect(seen[1]?.headers).not.toHaveProperty('idempotency-key');
  expect(bodyOf(seen[1]!)).toEqual({
    userIds: ['alice'],
    currencies: ['USD'],
    minVersions: [3],
  });
});

const running = problem(409, 'request_in_progress', { retryable: true });

describe('a call that fails each time', () => {
  it('is given up after three retries, with the last failure', async () => {
    const three = await write([drop]);
    expect(three.outcome).toMatchObject({
      code: 'network_error',
      status: null,
      retryable: true,
      problem: null,
    });
    expect(three.seen).toHaveLength(4);
    expect(three.keys.size).toBe(1);
  });

  it('is given up at once where there are none', async () => {
    const none = await write([problem(503, 'overloaded', { retryable: true })], { maxRetries: 0 });
    expect(none.outcome).toMatchObject({ code: 'overloaded', status: 503, retryable: true });
    expect(none.seen).toHaveLength(1);
  });

  it('is given up in the same way while its first attempt runs', async () => {
    const three = await write([running]);
    expect(three.outcome).toMatchObject({ code: 'request_in_progress', status: 409, retryable: true });
    expect(three.seen).toHaveLength(4);
    expect(three.keys.size).toBe(1);
    const still = await write([problem(409, 'request_in_progress', { retryable: true })], { maxRetries: 0 });
    expect(still.outcome).toMatchObject({ code: 'request_in_progress', status: 409 });
    expect(still.seen).toHaveLength(1);
  });
});

it('asks for its own call that is still being executed, until it has its answer', async () => {
  const { outcome, seen, keys } = await write([drop, running, running, done]);
  expect(outcome).toMatchObject({ status: 'applied' });
  expect(seen).toHaveLength(4);
  expect(keys.size).toBe(1);
});

describe('a pause', () => {
  it('is any time up to a bound that doubles until it is five seconds', () => {
    const bounds = [0, 1, 2, 3, 10, 1_000].map((retry) => pauseMs(retry, 0, () => 1));
    expect(bounds).toEqual([100, 200, 400, 800, 5_000, 5_000]);
    expect(pauseMs(3, 0, () => 0)).toBe(0);
    expect(pauseMs(3, 0, () => 0.5)).toBe(400);
  });

  it('is all behind what the service asked for', () => {
    expect(pauseMs(0, 2_000, () => 0)).toBe(2_000);
    expect(pauseMs(0, 2_000, () => 1)).toBe(2_100);
  });

  it('reads Retry-After in seconds and as a date, and takes nonsense for none', () => {
    const now = Date.parse('2030-01-31T12:00:00Z');
    expect(readRetryAfter('7', now)).toBe(7_000);
    expect(readRetryAfter('Thu, 31 Jan 2030 12:00:09 GMT', now)).toBe(9_000);
    expect(readRetryAfter('Thu, 31 Jan 2030 11:00:00 GMT', now)).toBe(0);
    expect(readRetryAfter('soon', now)).toBe(0);
    expect(readRetryAfter(null, now)).toBe(0);
  });
});
