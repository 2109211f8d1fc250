import { describe, expect, it, vi } from 'vitest';
import { SCOPES } from '../../../src/apiKeys/scopes.ts';
import { problemKinds } from '../../../src/http/problems/codes.ts';
import { fresh, newUser, useBooks } from '../../support/books.ts';
import { makeKey, serve, useService, type TestService } from '../support.ts';

const books = useBooks();
const service = useService(books);

/** The metrics as text. */
async function scrape({ url }: TestService, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers });
  expect(response.status).toBe(200);
  return response.text();
}

/** The value of a series, such as `pincex_http_calls{state="running"}`. */
function valueOf(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}

const OPEN_METRICS = { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' };

describe('/metrics of a service that only this machine reaches', () => {
  it.each([
    ['Forwarded', 'for=192.0.2.1'],
    ['Via', '1.1 proxy'],
    ['X-Forwarded-For', '192.0.2.1'],
    ['X-Forwarded-Host', 'exchange.example'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Real-IP', '192.0.2.1'],
  ])('/metrics needs no key there, unless a proxy passed the request on: %s', async (name, value) => {
    await scrape(service);
    const { status } = await fetch(`${service.url}/metrics`, { headers: { [name]: value } });
    expect(status).toBe(401);
    await scrape(service, {
      [name]: value,
      authorization: `Bearer ${await makeKey(service.pincex, 'metrics')}`,
    });
  });

  it('if a scrape could not load the metrics, the next one tries again', async () => {
    vi.doMock('../../../src/http/metrics/exposition.ts', () => {
      throw new Error('a file cannot be read');
    });
    const one = await serve(books);
    const { status } = await fetch(`${one.url}/metrics`);
    vi.doUnmock('../../../src/http/metrics/exposition.ts');
    expect(status).toBe(500);
    await scrape(one);
  });

  it('/metrics takes GET and HEAD', async () => {
    const head = await fetch(`${service.url}/metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const { authorization } = { authorization: `Bearer ${service.key}` };
    const post = await fetch(`${service.url}/metrics`, { method: 'POST', headers: { authorization } });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });
});

describe('/metrics of a service that other machines can reach', () => {
  const reachable = useService(books, { host: '0.0.0.0' });

  it.each(SCOPES)('/metrics needs a key with the scope metrics or admin: a key with %s', async (scope) => {
    const authorization = `Bearer ${await makeKey(reachable.pincex, scope)}`;
    const { status } = await fetch(`${reachable.url}/metrics`, { headers: { authorization } });
    expect(status).toBe(scope === 'metrics' || scope === 'admin' ? 200 : 403);
  });

  it('/metrics needs a key, also from this machine', async () => {
    const url = reachable.url.replace('0.0.0.0', '127.0.0.1');
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
  });

  it('a key with the scope metrics makes no other call', async () => {
    const authorization = `Bearer ${await makeKey(reachable.pincex, 'metrics')}`;
    expect((await reachable.get('/v1/limits', { authorization })).status).toBe(403);
  });
});

describe('the metrics', () => {
  it('the metrics count operations, items, rejections, failures and refusals', async () => {
    const one = await serve(books);
    const { bookkeeper } = one.pincex;
    const userId = await newUser(one.pincex, { USD: '5' });
    const lock = (id: string, amount: string) => ({ id, userId, currency: 'USD', amount, orderId: id });
    await bookkeeper.batchLockFunds([lock('a', '1'), lock('b', '2'), lock('c', '9')]);
    await bookkeeper.batchLockFunds([lock('a', '1')]);
    await expect(bookkeeper.batchGetAccounts([userId], ['NONE'])).rejects.toThrow('NONE');
    await one.post('/v1/funds/batch-lock', '[]');
    await scrape(one);
    const text = await scrape(one);
    const told = [
      'pincex_operations_total{operation="batch_lock_funds",outcome="succeeded"}',
      'pincex_operations_total{operation="batch_lock_funds",outcome="failed"}',
      'pincex_items_total{operation="batch_lock_funds",outcome="applied"}',
      'pincex_items_total{operation="batch_lock_funds",outcome="replayed"}',
      'pincex_items_total{operation="batch_lock_funds",outcome="rejected"}',
      'pincex_rejected_items_total{operation="batch_lock_funds",code="insufficient_funds"}',
      'pincex_http_refusals_total{code="malformed_request"}',
      'pincex_http_refusals_total{code="overloaded"}',
    ].map((series) => valueOf(text, series));
    expect(told).toEqual([2, 0, 2, 1, 1, 1, 1, 0]);
  });

  it('the metrics count errors by their code', async () => {
    const { monitor } = service.pincex;
    const work = () => Promise.reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' }));
    await expect(monitor.measure('settle', 1, work)).rejects.toThrow('late');
    const text = await scrape(service);
    expect(valueOf(text, 'pincex_operations_total{operation="settle",outcome="failed"}')).toBe(1);
    expect(valueOf(text, 'pincex_operation_errors_total{operation="settle",code="ETIMEDOUT"}')).toBe(1);
  });

  it('the metrics show the connections of the pool, the keys in the cache, and the calls in the service', async () => {
    const userId = await newUser(service.pincex, { USD: '5' });
    await service.pincex.bookkeeper.getAccount(userId, 'USD');
    const hits = 'pincex_cache_reads_total{kind="accounts",result="hit"}';
    const before = valueOf(await scrape(service), hits);
    await service.pincex.transaction(async () => {
      await service.pincex.bookkeeper.getAccount(userId, 'USD');
      const text = await scrape(service);
      expect(valueOf(text, hits)).toBe(before + 1);
      expect(valueOf(text, 'pincex_pool_connections{server="primary",state="in_use"}')).toBe(1);
      expect(valueOf(text, 'pincex_pool_max_connections{server="primary"}')).toBe(
        service.pincex.config.database.pool.max,
      );
      expect(valueOf(text, 'pincex_http_calls{state="waiting"}')).toBe(0);
    });
  });

  it('histograms have the durations and the items of operations from the first scrape on', async () => {
    const one = await serve(books);
    const { monitor } = one.pincex;
    await monitor.measure('import', 7, () => Promise.resolve());
    const count = 'pincex_operation_duration_seconds_count{operation="import"}';
    expect(valueOf(await scrape(one), count)).toBeNaN();
    await monitor.measure('import', 7, () => Promise.resolve());
    await monitor.measure('import', 70, () => Promise.resolve());
    const text = await scrape(one);
    expect(valueOf(text, count)).toBe(2);
    const items = (rest: string) => valueOf(text, `pincex_operation_items${rest}operation="import"}`);
    expect([items('_bucket{le="1",'), items('_bucket{le="10",'), items('_sum{')]).toEqual([0, 1, 77]);
  });

  it('each code of a refusal is told from the beginning', async () => {
    const text = await scrape(service);
    for (const code of Object.keys(problemKinds))
      expect(valueOf(text, `pincex_http_refusals_total{code="${code}"}`)).toBeGreaterThanOrEqual(0);
  });

  it('the metrics come in OpenMetrics if the client asks for it, with the same names of series', async () => {
    const series = (text: string) => [...text.matchAll(/^([a-z]\w+)[{ ]/gm)].map(([, name]) => name);
    const plain = await fetch(`${service.url}/metrics`);
    const open = await fetch(`${service.url}/metrics`, { headers: OPEN_METRICS });
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(open.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    const [ofPlain, ofOpen] = [await plain.text(), await open.text()];
    expect(series(ofOpen)).toEqual(series(ofPlain));
    expect(ofOpen.endsWith('\n# EOF\n')).toBe(true);
    // Counters of one format must not take their names from the other.
    expect(series(await scrape(service))).toEqual(series(ofPlain));
  });

  it('a name of an operation cannot break out of its label, and half a surrogate pair does not break the text', async () => {
    const one = await serve(books);
    await scrape(one);
    const name = 'a"} 1\n\\b\ud800';
    one.pincex.monitor.record(name, { durationMs: 1, items: 1, errorCode: null });
    const line = String.raw`pincex_operations_total{operation="a\"} 1\n\\b${'\ufffd'}",outcome="succeeded"} 1`;
    expect((await scrape(one)).split('\n')).toContain(line);
    expect((await scrape(one, OPEN_METRICS)).split('\n')).toContain(line);
  });

  it('two names that are the same text in UTF-8 are one series, since each series may stand in the text once', async () => {
    const one = await serve(books);
    await scrape(one);
    for (const name of ['\ud800', '\ud801'])
      one.pincex.monitor.record(name, { durationMs: 1, items: 1, errorCode: null });
    const text = await scrape(one);
    for (const series of [
      'pincex_operations_total{operation="\ufffd",outcome="succeeded"}',
      'pincex_operation_items_count{operation="\ufffd"}',
    ]) {
      const found = text.split('\n').filter((line) => line.startsWith(series));
      expect(found).toEqual([`${series} 2`]);
    }
  });

  it('the metrics have a bounded number of series, whatever names and codes a program makes up, also across resets', async () => {
    const one = await serve(books);
    await scrape(one);
    const { monitor } = one.pincex;
    const sizes = [];
    for (let round = 0; round < 3; round++) {
      monitor.reset();
      for (let n = 0; n < 200; n++) {
        const error = Object.assign(new Error(), { code: fresh('code') });
        monitor.endOperation(monitor.startOperation(fresh('name')), { error });
      }
      const error = (n: number) => Object.assign(new Error(), { code: `code${n}` });
      for (let n = 0; n < 200; n++)
        monitor.endOperation(monitor.startOperation('other'), { error: error(n) });
      const text = await scrape(one);
      sizes.push([...text.matchAll(/^pincex_/gm)].length);
      expect(text).toContain('operation="other"');
    }
    expect(new Set(sizes).size).toBe(1);
  });
});
