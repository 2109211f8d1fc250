import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { expectApplied, isLong, useBooks } from '../../support/books.ts';
import { Contract } from '../document/contract.ts';
import { anyCall, SHORT_TIMEOUTS, type Call } from './calls.ts';
import { Sender } from './send.ts';
import { batchIdOf, USERS } from './values.ts';
import { serve } from '../support.ts';

// `useBooks` audits the books after the test: whatever was sent, they have to balance.
const books = useBooks();

/** How many calls are sent at the same time. */
const AT_ONCE = 10;
const CALLS = isLong ? 100_000 : 2_000;

const isShort = ({ headers }: Call): boolean => SHORT_TIMEOUTS.includes(headers['request-timeout'] ?? '');

it(
  'the service answers whatever is sent as the document says, and never with a failure of its own',
  { timeout: isLong ? 3_600_000 : 180_000 },
  async () => {
    // The machine may be slow, and no call is to be refused for that.
    const { url, key } = await serve(books, { queueTimeoutMs: 600_000 });
    const contract = await Contract.of(url, key);
    const sender = new Sender(url, key);
    onTestFinished(() => {
      sender.close();
    });
    const money = Array.from({ length: USERS }, (_, n) =>
      ['BTC', 'USD'].map((currency) => ({
        id: `begin-${currency}`,
        userId: `user-${n}`,
        currency,
        amount: '1000000',
      })),
    );
    expectApplied(await books.pincex.bookkeeper.batchDeposit(money.flat()));
    // Calls that ask for an outcome would seldom find one by chance.
    for (let n = 0; n < 10; n++) {
      const body = JSON.stringify({ items: [], batchId: batchIdOf(n) });
      const headers = { 'content-type': 'application/json' };
      await sender.send({ method: 'POST', path: '/v1/funds/batch-lock', headers, body });
    }
    for (let n = 0; n < 10; n++) {
      await books.sql(
        `INSERT INTO alerts (id, rule, subject, severity, state, message, pending_at, fired_at)
         VALUES ($1, 'doctor', $2, 'error', 'firing', '', now(), now())`,
        [batchIdOf(n), String(n)],
      );
    }
    const orders = Array.from({ length: 10 }, (_, n) => ({
      id: batchIdOf(n),
      userId: 'user-0',
      symbol: 'BTC/USD',
      side: 'buy' as const,
      type: 'limit' as const,
      price: '1',
      quantity: '1',
    }));
    expectApplied(await books.pincex.trading.batchPlaceOrders(orders));
    const done = new Set<string>();

    const answer = async (call: Call): Promise<string | undefined> => {
      const operation = contract.operationOf(call.method, call.path);
      const received = await sender.send(call);
      const { status, text } = received;
      // OPTIONS is answered with the methods of a path, and the root with the page.
      const isBare = call.method === 'OPTIONS' && status === 204 && text === '';
      const isPage = call.method === 'GET' && status === 200 && text.startsWith('<!doctype html>');
      if (operation === undefined && (isBare || isPage)) return undefined;
      const fault =
        contract.breach(operation, received) ??
        // A call with hardly any time may be told that its time is over.
        (status >= 500 && !(status === 504 && isShort(call)) ? 'a failure' : undefined) ??
        (status === 401 || status === 403 ? 'the key is good for all' : undefined);
      if (operation !== undefined && status === 200) done.add(operation.name);
      if (operation !== undefined && text.includes('"status":"applied"'))
        done.add(`${operation.name} applied`);
      return fault === undefined ? undefined : `${fault}: ${status} ${text.slice(0, 500)}`;
    };

    await fc.assert(
      fc.asyncProperty(
        fc.array(anyCall(contract), { minLength: AT_ONCE, maxLength: AT_ONCE }),
        async (calls) => {
          const faults = await Promise.all(
            calls.map(async (call) => {
              const fault = await answer(call).catch((error: unknown) => String(error));
              return fault === undefined ? undefined : `${call.method} ${call.path}: ${fault}`;
            }),
          );
          expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
        },
      ),
      // Without shrinking: smaller calls would meet changed books, and a call that hangs would be sent until the time is over.
      { numRuns: CALLS / AT_ONCE, includeErrorInReport: false, endOnFailure: true },
    );

    // Calls that are always refused would find nothing: every operation has to succeed, and every write has to write.
    const expected = contract.operations.flatMap(({ name, scopes }) =>
      scopes?.some((scope) => scope.endsWith(':write')) ? [name, `${name} applied`] : [name],
    );
    expect(expected.filter((name) => !done.has(name))).toEqual([]);
  },
);
