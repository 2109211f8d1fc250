import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PincexClient, type LiveEvent, type LivePicture } from '../../../src/client/index.ts';
import { limits } from '../../../src/limits.ts';
import { Pincex, startService } from '../../../src/index.ts';
import { configOf, fresh, newUser, useBooks } from '../../support/books.ts';
import { holdIntervals } from '../../support/clock.ts';
import { until } from '../../support/waiting.ts';
import { makeKey, serve, useService, type TestService } from '../support.ts';
import { dial, getOf, losePatience, nextAnswer, serveImpatiently } from '../wire.ts';

const books = useBooks();
const service = useService(books);

const clientOf = ({ url, key }: Pick<TestService, 'url' | 'key'>, maxRetries = 0) =>
  new PincexClient({ url, key, maxRetries });

/** The events of a service, one at a time, until the test ends. */
function listen(
  client: PincexClient,
  process?: string,
): { next: () => Promise<LiveEvent>; picture: () => Promise<LivePicture> } {
  const stopping = new AbortController();
  onTestFinished(() => {
    stopping.abort();
  });
  const options = { signal: stopping.signal, timeoutMs: Infinity, ...(process !== undefined && { process }) };
  const events = client.live(options);
  const next = async (): Promise<LiveEvent> => {
    const event = await events.next();
    if (event.done === true) throw new Error('The events have ended');
    return event.value;
  };
  const picture = async (): Promise<LivePicture> => {
    for (;;) {
      const { event, data } = await next();
      if (event === 'picture') return data;
    }
  };
  return { next, picture };
}

/** Deposits to new users, one of them rejected. */
async function work(pincex: Pincex, count: number): Promise<string> {
  const userId = await newUser(pincex, { USD: '1' });
  const items = Array.from({ length: count }, () => ({
    id: fresh('w'),
    userId,
    currency: 'USD',
    amount: '5',
  }));
  const { batchId } = await pincex.bookkeeper.batchWithdraw(items);
  return batchId;
}

describe('the live stream', () => {
  it('the stream begins with a history and goes on with pictures that have the figures of the monitor', async () => {
    const batchId = await work(service.pincex, 3);
    const { next, picture } = listen(clientOf(service));
    const history = await next();
    expect(history).toMatchObject({ event: 'history', data: { everyMs: 10_000 } });
    const first = await picture();
    const { statistics, monitor } = service.pincex;
    const own = monitor.getMetrics().byOperation['batch_withdraw']!;
    const { operations, items, statements, totalMs, p99Ms, rejected, phaseMs } = own;
    const figures = { operations, items, statements, totalMs, p99Ms, rejected, phaseMs };
    const alone = await listen(clientOf(service), statistics.id).picture();
    expect(alone.metrics.byOperation['batch_withdraw']).toMatchObject(figures);
    expect(alone).toMatchObject({
      process: statistics.id,
      pool: { max: service.pincex.config.database.pool.max },
      alerts: [],
      audit: null,
    });
    expect(first.process).toBeNull();
    expect(first.processes.map(({ id }) => id)).toContain(statistics.id);
    expect(first.point.operations['batch_withdraw']).toMatchObject({ successRate: 1 });
    const phases = alone.phases['batch_withdraw']!;
    expect(phases).toMatchObject({ batches: own.operations, statements: own.statements });
    expect(Math.min(phases.loadMs, phases.decideMs)).toBeGreaterThan(0);
    // From the code of the rejected items to their batch.
    expect(alone.batches.filter(({ rejected }) => 'insufficient_funds' in rejected)).toMatchObject([
      {
        batchId,
        operation: 'batch_withdraw',
        items: 3,
        rejected: { insufficient_funds: 3 },
        errorCode: null,
      },
    ]);
  });

  it('the stream compares the statements that were sent with those of a loop of single calls', async () => {
    await work(service.pincex, 10);
    const { loops, metrics } = await listen(clientOf(service), service.pincex.statistics.id).picture();
    const { items, statements } = metrics.byOperation['batch_withdraw']!;
    expect(loops.byOperation['batch_withdraw']).toMatchObject({
      statements,
      wouldBeStatements: 8 * items,
    });
    expect(loops.wouldBeStatements).toBeGreaterThan(loops.statements);
    expect(loops.wouldBeMs).toBeGreaterThan(0);
  });

  it('the stream is not stored by caches and not held back by proxies', async () => {
    const headers = { authorization: `Bearer ${service.key}` };
    const response = await fetch(`${service.url}/v1/live`, { headers });
    await response.body?.cancel();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const head = await fetch(`${service.url}/v1/live`, { method: 'HEAD', headers });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('a process that does not run cannot be picked', async () => {
    const refused = await service.get('/v1/live?process=%22%3Cb%3E');
    expect(refused).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(refused.text).toContain('No process that runs has the id');
  });

  it('a key that is bound to users gets no figures of all', async () => {
    const { key } = await books.pincex.apiKeys.create({ name: 'a', scopes: ['read'], users: ['alice'] });
    const refused = await service.get('/v1/live', { authorization: `Bearer ${key}` });
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('a key has a bounded number of streams open, and is told so', async () => {
    const own = await serve(books);
    const most = limits.live.pages / 2;
    const headers = { authorization: `Bearer ${own.key}` };
    const open = await Promise.all(
      Array.from({ length: most }, () => fetch(`${own.url}/v1/live`, { headers })),
    );
    expect(new Set(open.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await own.get<{ detail: string }>('/v1/live');
    expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded' } });
    expect(refused.body.detail).toContain(`${most} live pages are open with this key`);
    await open[0]!.body!.cancel();
    const [, ...others] = open;
    await until('a place to be free', async () => {
      const again = await fetch(`${own.url}/v1/live`, { headers });
      others.push(again);
      return again.status === 200;
    });
    for (const { body } of others) await body?.cancel();
  });
});

describe('streams of several processes', () => {
  it('two processes are one picture, and each can be picked', async () => {
    const other = await Pincex.open({ config: configOf(books.url) });
    onTestFinished(() => other.close());
    await work(other, 2);
    await other.audit();
    await other.doctor(); // It reports first.
    const own = await serve(books);
    await work(own.pincex, 7);
    const [a, b] = [own.pincex.statistics.id, other.statistics.id];
    const all = await listen(clientOf(own)).picture();
    expect(all.processes.map(({ id }) => id)).toEqual(expect.arrayContaining([a, b]));
    expect(all.audit).toMatchObject({ findings: 0, checks: [] });
    const itemsOf = ({ metrics }: LivePicture) => metrics.byOperation['batch_withdraw']?.items ?? 0;
    const ofOwn = await listen(clientOf(own), a).picture();
    const ofOther = await listen(clientOf(own), b).picture();
    expect([itemsOf(ofOwn), itemsOf(ofOther)]).toEqual([7, 2]);
    expect(itemsOf(all)).toBeGreaterThanOrEqual(9);
    expect(ofOther.batches.map(({ process }) => process)).toEqual(ofOther.batches.map(() => b));
    const owners = new Set(all.batches.map(({ process }) => process));
    expect([...owners]).toEqual(expect.arrayContaining([a, b]));
  });
});

describe('a reader of the stream', () => {
  it('a reader that takes nothing is cut off, and others go on', async () => {
    const draw = holdIntervals(limits.live.pictureMs);
    const { app, url, key } = await serveImpatiently(books, {});
    const beginning = nextAnswer(app);
    const wire = await dial(url);
    wire.send(getOf('/v1/live', key));
    const answer = await beginning;
    await until('the first events', () => wire.received.includes('event: picture'));
    const { next } = listen(clientOf({ url, key }));
    expect([(await next()).event, (await next()).event]).toEqual(['history', 'picture']);
    wire.pause();
    // What the reader has not taken fills the buffers of the kernel first.
    answer.write(`: ${'x'.repeat(16 * 1_048_576)}\n\n`);
    await until('the reader to be behind', () => answer.writableLength > 0);
    losePatience(answer);
    if (!answer.destroyed) await once(answer, 'close');
    for (let n = 0; n < 2; n++) {
      draw();
      expect((await next()).event).toBe('picture');
    }
  });

  it('a stream ends once its key is revoked', async () => {
    const check = holdIntervals(limits.live.keyCheckMs);
    const { key, id } = await books.pincex.apiKeys.create({ name: 'a', scopes: ['read'] });
    const { next } = listen(clientOf({ url: service.url, key }));
    expect((await next()).event).toBe('history');
    await books.pincex.apiKeys.revoke(id);
    const ended = async (): Promise<unknown> => {
      for (;;) await next();
    };
    const end = expect(ended()).rejects.toMatchObject({ code: 'network_error' });
    const refused = async (): Promise<boolean> => {
      const headers = { authorization: `Bearer ${key}` };
      return (await fetch(`${service.url}/v1/limits`, { headers })).status === 401;
    };
    await until('the key to be refused', refused);
    check();
    await end;
  });

  it('open streams are told that the service ends, and do not hold up its end', async () => {
    const { app, url, key } = await serveImpatiently(books, {});
    const beginning = nextAnswer(app);
    const silent = await dial(url);
    silent.send(getOf('/v1/live', key));
    const answer = await beginning;
    await until('the first events', () => silent.received.includes('event: picture'));
    silent.pause();
    answer.write(`: ${'x'.repeat(16 * 1_048_576)}\n\n`);
    const { next } = listen(clientOf({ url, key }));
    await next();
    const closing = app.close();
    let event = await next();
    while (event.event !== 'closing') event = await next();
    await expect(next()).rejects.toMatchObject({ code: 'network_error' });
    await closing;
  });

  it('a client connects again after a restart of the service, and gets a history', async () => {
    const config = configOf(books.url);
    const start = async (port: number) => {
      const settings = { ...config.service, port, drainDelayMs: 0 };
      const pincex = await Pincex.open({ config: { ...config, service: settings } });
      const started = await startService(pincex);
      return { pincex, started, stop: () => started.stop().then(() => pincex.close()) };
    };
    const first = await start(0);
    const { url } = first.started;
    const key = await makeKey(first.pincex, 'read');
    const { next } = listen(clientOf({ url, key }, 1_000));
    expect((await next()).event).toBe('history');
    await first.stop();
    const second = await start(Number(new URL(url).port));
    onTestFinished(second.stop);
    const names: string[] = [];
    while (names.at(-1) !== 'history') names.push((await next()).event);
    expect(names.at(-2)).toBe('closing');
  });
});
