import { beforeAll, describe, expect, it } from 'vitest';
import { parseKey } from '../../../src/apiKeys/keySecrets.ts';
import { limits } from '../../../src/limits.ts';
import { funds, fresh, newUser, useBooks } from '../../support/books.ts';
import { holdClock, type HeldClock } from '../../support/clock.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService, type TestService } from '../support.ts';
import { callOf, dial, getOf, hold, openManyAccounts, type Wire } from '../wire.ts';

/** A key that has ended does not go on doing what it could do before. */

const books = useBooks();
const HOUR_MS = 3_600_000;
const DEPOSIT = '/v1/funds/batch-deposit';

/** The ways in which keys end, each while the key is still remembered. */
const ENDS = [
  ['is revoked', 'UPDATE api_keys SET revoked_at = now() WHERE id = $1'],
  ['expires', 'UPDATE api_keys SET expires_at = now() WHERE id = $1'],
] as const;

const statusOf = async ({ url }: TestService, key: string): Promise<number> =>
  (await fetch(`${url}/v1/limits`, { headers: { authorization: `Bearer ${key}` } })).status;

/** Ends a key by a statement; resolves once the key is refused. */
async function end(service: TestService, key: string, statement: string, clock: HeldClock): Promise<void> {
  await books.pincex.session.query({ name: statement, text: statement }, [parseKey(key)!.id]);
  clock.pass(limits.apiKeys.rememberedMs + 1);
  await until('the key to be refused', async () => (await statusOf(service, key)) === 401);
}

/** Begins a deposit: its key has been checked, and its whole body is yet to come. */
async function begin(service: TestService, key: string, userId: string) {
  expect(await statusOf(service, key)).toBe(200);
  const { head, body } = callOf(DEPOSIT, key, deposit(userId));
  const wire = await dial(service.url);
  wire.send(head.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'));
  await until('the call to be heard', () => wire.received.startsWith('HTTP/1.1 100 '));
  return { wire, body };
}

async function expectRefused({ received }: Wire, userId: string): Promise<void> {
  expect(received).toMatch(/\r\n\r\nHTTP\/1\.1 401 /);
  expect(await funds(books.pincex, userId, 'USD')).toBe('1 / 0');
}

const deposit = (userId: string) => ({
  items: [{ id: fresh('d'), userId, currency: 'USD', amount: '5' }],
});

describe('a key that ends', () => {
  const service = useService(books);

  it.each(ENDS)('a key that %s does not execute a body that comes later', async (_, statement) => {
    const userId = await newUser(books.pincex, { USD: '1' });
    const key = await makeKey(books.pincex, 'read', 'funds:write');
    const clock = holdClock();
    const { wire, body } = await begin(service, key, userId);
    wire.send(body.slice(0, 10));
    await end(service, key, statement, clock);
    wire.send(body.slice(10));
    await until('an answer', () => wire.received.includes('{'));
    await expectRefused(wire, userId);
  });

  it.each(ENDS)('a key that %s does not execute a call that waited for its turn', async (_, statement) => {
    const narrow = await serve(books, { maxConcurrent: 1, queueTimeoutMs: HOUR_MS });
    const [slow, userId] = [
      await newUser(books.pincex, { USD: '1' }),
      await newUser(books.pincex, { USD: '1' }),
    ];
    const key = await makeKey(books.pincex, 'read', 'funds:write');
    const held = await hold(books, slow);
    const first = narrow.post(DEPOSIT, deposit(slow));
    await held.awaited();
    const clock = holdClock();
    const { wire, body } = await begin(narrow, key, userId);
    await wire.sent(body);
    await end(narrow, key, statement, clock);
    await held.release();
    expect((await first).status).toBe(200);
    await until('an answer', () => wire.received.includes('{'));
    await expectRefused(wire, userId);
  });
});

describe('a stream whose key ends', () => {
  const service = useService(books);
  beforeAll(() => openManyAccounts(books));

  it.each(ENDS)('a stream whose key %s is cut off without its last line', async (_, statement) => {
    const key = await makeKey(books.pincex, 'read');
    const clock = holdClock();
    const wire = await dial(service.url);
    wire.send(getOf('/v1/stream/accounts', key));
    await until('the first lines', () => wire.received.length > 1_000);
    wire.pause();
    await end(service, key, statement, clock);
    wire.resume();
    await until('the connection to be cut', () => wire.isClosed);
    expect(wire.received).toContain('{"cursor":');
    expect(wire.received).not.toContain('{"end":true}');
  });
});
