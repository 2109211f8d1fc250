import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { PincexClient } from '../../src/client/index.ts';
import { expectApplied, newUser, useBooks } from '../support/books.ts';
import { useService } from './support.ts';

const books = useBooks();
const service = useService(books);

/** Ids that could break out of a path, a table, a terminal or a spreadsheet. */
const HOSTILE = ['a/b', '"quoted"', '<b>&amp;', 'x\u202etxt', '🧡', '%2f..', '=1+1', "it's", 'a,b;c'];

let userId: string;
beforeAll(async () => {
  userId = await newUser(books.pincex, { USD: '1000' });
  const { trading } = books.pincex;
  const order = {
    userId,
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '1',
    price: '10',
  } as const;
  expectApplied(await trading.batchPlaceOrders([1, 2, 3].map((n) => ({ ...order, id: `o${n}` }))));
});

const bound = async (bounds: object): Promise<Record<string, string>> => {
  const { key } = await service.pincex.apiKeys.create({ name: 'bound', scopes: ['read'], ...bounds });
  return { authorization: `Bearer ${key}` };
};

describe('look-ups over HTTP', () => {
  it('the client pages through a list as the library does', async () => {
    const client = new PincexClient({ url: service.url, key: service.key });
    const first = await client.lookup.listOrders(userId, { limit: 2, statuses: ['open'] });
    expect(first).toEqual(await books.pincex.lookup.listOrders(userId, { limit: 2, statuses: ['open'] }));
    const second = await client.lookup.listOrders(userId, { limit: 2, cursor: first.older });
    expect(second.rows.map(({ id }) => id)).toEqual(['o1']);
    const { operation, holds } = await client.lookup.getOrder(userId, 'o1');
    expect(holds).toMatchObject([{ orderId: 'o1', amount: '10' }]);
    const batch = await client.lookup.getBatch(operation?.batchId ?? '');
    expect(batch.rows).toContainEqual(operation);
    expect(await client.lookup.getAccounts(userId)).toEqual(await books.pincex.lookup.getAccounts(userId));
    expect(await client.lookup.getTotals()).toEqual(await books.pincex.lookup.getTotals());
  });

  it('a batch that came over HTTP is shown with the call that sent it', async () => {
    const deposit = { id: 'd-http', userId, currency: 'USD', amount: '1' };
    const sent = await service.post<{ batchId: string }>('/v1/funds/batch-deposit', { items: [deposit] });
    const path = `/v1/batches/${sent.body.batchId}/operations`;
    const { body } = await service.get<{ call: unknown; operations: unknown[] }>(path);
    expect(body.operations).toMatchObject([{ id: 'd-http', type: 'deposit', outcome: { available: '971' } }]);
    expect(body.call).toMatchObject({ route: '/v1/funds/batch-deposit', status: 200 });
  });

  it('a list is CSV for a call that accepts it, which a spreadsheet reads as text', async () => {
    const evil = await newUser(books.pincex, { USD: '10' });
    const ids = ['=cmd()', '+1', '-x', '@x', 'a"b,c d'];
    const withdrawals = ids.map((reference, n) => ({
      ...{ id: `w${n}`, userId: evil, currency: 'USD', amount: '1' },
      reference: reference.startsWith('@') ? 'x' : reference,
    }));
    expectApplied(await books.pincex.bookkeeper.batchWithdraw(withdrawals));
    const response = await fetch(`${service.url}/v1/users/${evil}/transactions`, {
      headers: { authorization: `Bearer ${service.key}`, accept: 'text/csv' },
    });
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const text = await response.text();
    const rows = parse<Record<string, string>>(text, { columns: true });
    expect(rows.map(({ reference }) => reference)).toEqual(['a"b,c d', 'x', "'-x", "'+1", "'=cmd()", '']);
    expect(rows.map(({ amount }) => amount)).toEqual(['1', '1', '1', '1', '1', '10']);
    const entries = await fetch(`${service.url}/v1/users/${evil}/accounts/USD/entries?limit=1`, {
      headers: { authorization: `Bearer ${service.key}`, accept: 'text/csv' },
    });
    const [entry] = parse<Record<string, string>>(await entries.text(), { columns: true });
    expect(entry?.['availableDelta']).toBe('-1');
    expect(entries.headers.get('link')).toMatch(/^<\?cursor=[\w-]+>; rel="next"$/);
  });

  it.each(HOSTILE)('an id such as %j is text in a path and finds its user only', async (id) => {
    const deposit = { id: `d-${id}`, userId: id, currency: 'USD', amount: '5' };
    const { results } = await books.pincex.bookkeeper.batchDeposit([deposit]);
    const isTaken = results[0]?.status !== 'rejected';
    const path = `/v1/users/${encodeURIComponent(id)}/accounts`;
    const answer = await service.get<{ accounts: { userId: string }[] }>(path);
    expect(answer.status).toBe(200);
    expect(answer.body.accounts.map((account) => account.userId)).toEqual(isTaken ? [id] : []);
    const order = await service.get(`/v1/users/${encodeURIComponent(id)}/orders/${encodeURIComponent(id)}`);
    expect(order.status).toBe(404);
  });

  it.each([
    ['/v1/orders/x?limit=1', 400, 'malformed_request'],
    ['/v1/users/alice/orders?limit=0', 400, 'invalid_argument'],
    ['/v1/users/alice/orders?limit=many', 400, 'malformed_request'],
    ['/v1/users/alice/orders?cursor=x', 400, 'invalid_argument'],
    ['/v1/users/alice/orders?status=lost', 400, 'invalid_argument'],
    ['/v1/users/alice/orders?symbol=X/Y', 400, 'unknown_market'],
    ['/v1/users/alice/accounts/XXX/entries', 400, 'unknown_currency'],
    ['/v1/users/alice/accounts?at=yesterday', 400, 'invalid_argument'],
    ['/v1/users/alice/accounts?at=0001-01-01T00:00:00Z', 400, 'invalid_argument'],
    ['/v1/users/alice/orders?from=2026-01-01T00:00:00%2B23:00', 400, 'invalid_argument'],
    ['/v1/users/alice/orders?from=2026-01-01T00:00:00%2B02:00', 200, undefined],
    ['/v1/users/%00/accounts', 200, undefined],
    ['/v1/trades/nothing', 200, undefined],
    ['/v1/users/alice/orders/nothing', 404, 'not_found'],
    ['/v1/batches/x/operations', 400, 'invalid_argument'],
  ])('GET %s is answered with %i %s', async (path, status, code) => {
    const answer = await service.get<{ code?: string }>(path);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('a key that is bound to users or markets sees those only', async () => {
    const mine = await bound({ users: [userId] });
    expect((await service.get(`/v1/users/${userId}/holds`, mine)).status).toBe(200);
    expect((await service.get('/v1/users/another/holds', mine)).status).toBe(403);
    for (const path of ['/v1/totals', '/v1/orders/o1', '/v1/trades/t'])
      expect((await service.get(path, mine)).status).toBe(403);
    const market = await bound({ markets: ['ETH/USD'] });
    for (const path of ['orders', 'orders?symbol=BTC/USD', 'orders/o1', 'accounts', 'accounts/BTC/entries'])
      expect((await service.get(`/v1/users/${userId}/${path}`, market)).status, path).toBe(403);
    expect((await service.get(`/v1/users/${userId}/orders?symbol=ETH/USD`, market)).status).toBe(200);
    expect((await service.get(`/v1/users/${userId}/accounts/USD/entries`, market)).status).toBe(200);
  });
});
