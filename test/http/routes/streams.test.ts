import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { limits } from '../../../src/limits.ts';
import { useBooks } from '../../support/books.ts';
import { holdClock } from '../../support/clock.ts';
import { startProxy } from '../../support/proxy.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService } from '../support.ts';
import { dial, getOf, holdTable, openManyAccounts, serveImpatiently } from '../wire.ts';

const books = useBooks();

const ACCOUNTS = '/v1/stream/accounts';

beforeAll(() => openManyAccounts(books));

describe('a stream', () => {
  const service = useService(books, { maxConcurrent: 1 });

  it('a stream that loses its database for good is cut off without its last line, and gives its place back', async () => {
    const proxy = await startProxy(books.url);
    onTestFinished(() => proxy.close());
    const { url, key, get } = await serve({ ...books, url: proxy.url }, { maxConcurrent: 1 });
    const clock = holdClock();
    let pages = 0;
    proxy.onRequest = (request) => {
      if (!request.includes('stream-accounts') || ++pages !== 3) return 'pass';
      proxy.shut();
      return 'cut';
    };
    const response = await fetch(url + ACCOUNTS, { headers: { authorization: `Bearer ${key}` } });
    expect(response.status).toBe(200);
    let text = '';
    const whole = (async () => {
      for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) text += piece;
    })();
    const isCutOff = expect(whole).rejects.toThrow('terminated');
    await until('the page to be asked for again', () => proxy.refused > 0);
    clock.pass(limits.database.reconnectMs);
    await isCutOff;
    expect(text).toMatch(/^\{"cursor":/);
    expect(text).not.toContain('{"end":true}');
    proxy.reopen();
    await until('the place to be free', async () => (await get('/v1/stream/trades')).status === 200);
  });

  it('a stream whose client takes nothing any more does not keep a service from closing', async () => {
    const { app, url, key } = await serveImpatiently(books, { requestMs: 300 });
    const wire = await dial(url);
    wire.send(getOf(ACCOUNTS, key));
    await until('the first lines', () => wire.received.length > 1_000);
    wire.pause();
    await app.close();
    expect(wire.received).not.toContain('{"end":true}');
  });

  it('a stream whose client hangs up before its first line gives its place back', async () => {
    const { url, key } = service;
    const held = await holdTable(books, 'journal');
    const wire = await dial(url);
    wire.send(getOf('/v1/stream/journal', key));
    await held.awaited();
    expect((await service.get('/v1/stream/trades')).status).toBe(503);
    wire.hangUp();
    await held.release();
    await until('the place to be free', async () => (await service.get('/v1/stream/trades')).status === 200);
    expect(wire.received).not.toContain('{"cursor"');
  });

  it('a stream does not begin when the time of its client is over, and takes no place', async () => {
    const late = await service.get(ACCOUNTS, { 'request-timeout': '0.000001' });
    expect(late).toMatchObject({
      status: 504,
      body: {
        code: 'deadline_exceeded',
        detail: expect.stringContaining('before the call began') as string,
      },
    });
    expect((await service.get('/v1/stream/trades', { 'request-timeout': '60' })).status).toBe(200);
  });

  it('can be the second of its key while another key streams, since a key may have half of the places', async () => {
    const { url, pincex } = await serve(books, { maxConcurrent: 4 });
    const [ann, bob] = [await makeKey(pincex, 'read'), await makeKey(pincex, 'read')];
    // The client reads none of the lines, so that a stream that was opened stays open.
    const open = async (key: string): Promise<number> => {
      const { status, body } = await fetch(url + ACCOUNTS, { headers: { authorization: `Bearer ${key}` } });
      onTestFinished(() => body?.cancel());
      return status;
    };
    expect([await open(bob), await open(ann), await open(ann)]).toEqual([200, 200, 200]);
    // Bob still streams: only a key without a stream would get the last place.
    expect(await open(bob)).toBe(503);
  });
});
