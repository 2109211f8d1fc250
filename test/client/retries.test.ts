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

/** The client against a server that fails on purpose: which calls are sent again, how often, and with which key. */

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

beforeEach(neverPause);

describe('a failure that may pass', () => {
  it.each<[string, Step]>([
    ['the connection is cut before an answer', drop],
    ['the connection is cut within the answer', half(RESULT)],
    ['a proxy got no answer: 502', json('Bad gateway', 502)],
    ['the request came too slowly: 408', json('Request Timeout', 408)],
    ['the service is overloaded: 503', problem(503, 'overloaded', { retryable: true })],
    ['the service is stopping: 503', problem(503, 'draining', { retryable: true })],
    ['the deadline was exceeded: 504', problem(504, 'deadline_exceeded', { retryable: true })],
    ['a proxy limits the rate: 429', json('Too many requests', 429)],
    ['a proxy answers 503 with a problem of its own', json({ code: 'busy', detail: 'Too many calls' }, 503)],
    ['the rate limit is used up: 429', problem(429, 'rate_limited', { retryable: true })],
    ['the batch conflicts with other batches: 409', problem(409, 'conflict', { retryable: true })],
    ['its first attempt still runs: 409', problem(409, 'request_in_progress', { retryable: true })],
  ])('a call is sent again, with the same body and idempotency key, when %s', async (_, failure) => {
    const { outcome, seen, keys } = await write([failure, failure, done]);
    expect(outcome).toEqual(RESULT);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
    expect(bodyOf(seen[0]!)).toEqual({ items: DEPOSIT, batchId: expect.stringMatching(UUID) as string });
    expect(keys).toEqual(new Set([`"${bodyOf(seen[0]!)['batchId'] as string}"`]));
  });
});

describe('a failure that will not pass', () => {
  it.each<[string, Step, object]>([
    ['it is malformed', problem(400, 'malformed_request'), { code: 'malformed_request', status: 400 }],
    [
      'its API key is missing or invalid',
      problem(401, 'unauthorized'),
      { code: 'unauthorized', status: 401 },
    ],
    ['its API key lacks the scope', problem(403, 'forbidden'), { code: 'forbidden', status: 403 }],
    ['its path does not exist', problem(404, 'not_found'), { code: 'not_found', status: 404 }],
    ['its body is too large', problem(413, 'body_too_large'), { code: 'body_too_large', status: 413 }],
    [
      'its idempotency key was reused',
      problem(422, 'idempotency_key_reused'),
      { code: 'idempotency_key_reused', status: 422 },
    ],
    [
      'it has more items than the rate limit ever allows',
      problem(429, 'rate_limited'),
      { code: 'rate_limited', status: 429 },
    ],
    [
      'the service answers 503 that is not retryable',
      problem(503, 'closed'),
      { code: 'closed', status: 503 },
    ],
    ['the service failed with 500', problem(500, 'internal_error'), { code: 'internal_error', status: 500 }],
    ['a proxy failed with 500', json('Oops', 500), { code: 'http_error', status: 500, problem: null }],
    ['another program answers', json('Hello', 404), { code: 'http_error', status: 404, problem: null }],
  ])('a call is not sent again when %s', async (_, failure, wanted) => {
    const { outcome, seen } = await write([failure, done]);
    expect(outcome).toBeInstanceOf(PincexClientError);
    expect(outcome).toMatchObject({ retryable: false, ...wanted });
    expect(seen).toHaveLength(1);
  });
});

it('a rejected atomic batch is returned as a result and is sent only once', async () => {
  const { outcome, seen } = await write([problem(422, 'batch_rejected', { batch: RESULT })]);
  expect(outcome).toEqual(RESULT);
  expect(seen).toHaveLength(1);
});

it('each call has an idempotency key of its own, unless the caller gives one', async () => {
  const { url, seen } = await scripted(done);
  const client = clientOf(url);
  await client.batchDeposit(DEPOSIT);
  await client.batchDeposit(DEPOSIT);
  await client.batchDeposit(DEPOSIT, { idempotencyKey: 'my "own" \\ key' });
  const keys = seen.map(({ headers }) => headers['idempotency-key']);
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe('"my \\"own\\" \\\\ key"');
  // The body has to be the same in every process for the service to recognise the call, so it has no random batch id.
  expect(bodyOf(seen[2]!)).toEqual({ items: DEPOSIT });
});

it('a write sends its API key, idempotency key, batch id and mode; a read sends no idempotency key', async () => {
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
  it('a call that fails each time is given up after three retries, with the last failure', async () => {
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

  it('with maxRetries 0 a call is given up after its first failure', async () => {
    const none = await write([problem(503, 'overloaded', { retryable: true })], { maxRetries: 0 });
    expect(none.outcome).toMatchObject({ code: 'overloaded', status: 503, retryable: true });
    expect(none.seen).toHaveLength(1);
  });

  it('a call whose first attempt still runs is given up after as many retries', async () => {
    const three = await write([running]);
    expect(three.outcome).toMatchObject({ code: 'request_in_progress', status: 409, retryable: true });
    expect(three.seen).toHaveLength(4);
    expect(three.keys.size).toBe(1);
    const still = await write([problem(409, 'request_in_progress', { retryable: true })], { maxRetries: 0 });
    expect(still.outcome).toMatchObject({ code: 'request_in_progress', status: 409 });
    expect(still.seen).toHaveLength(1);
  });
});

it('a call asks for its own running attempt again until it has the answer', async () => {
  const { outcome, seen, keys } = await write([drop, running, running, done]);
  expect(outcome).toMatchObject({ status: 'applied' });
  expect(seen).toHaveLength(4);
  expect(keys.size).toBe(1);
});

describe('the pause before a retry', () => {
  it('a pause is random up to a bound that doubles from 100 ms until it is five seconds', () => {
    const bounds = [0, 1, 2, 3, 10, 1_000].map((retry) => pauseMs(retry, 0, () => 1));
    expect(bounds).toEqual([100, 200, 400, 800, 5_000, 5_000]);
    expect(pauseMs(3, 0, () => 0)).toBe(0);
    expect(pauseMs(3, 0, () => 0.5)).toBe(400);
  });

  it('a pause comes on top of the time that the service asked for', () => {
    expect(pauseMs(0, 2_000, () => 0)).toBe(2_000);
    expect(pauseMs(0, 2_000, () => 1)).toBe(2_100);
  });

  it('Retry-After is read as seconds or as a date, and anything else counts as none', () => {
    const now = Date.parse('2030-01-31T12:00:00Z');
    expect(readRetryAfter('7', now)).toBe(7_000);
    expect(readRetryAfter('Thu, 31 Jan 2030 12:00:09 GMT', now)).toBe(9_000);
    expect(readRetryAfter('Thu, 31 Jan 2030 11:00:00 GMT', now)).toBe(0);
    expect(readRetryAfter('soon', now)).toBe(0);
    expect(readRetryAfter(null, now)).toBe(0);
  });
});
