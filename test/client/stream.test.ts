import { beforeEach, describe, expect, it } from 'vitest';
import { PincexClient } from '../../src/client/index.ts';
import {
  clientOf,
  drop,
  holdTime,
  lines,
  neverPause,
  passTime,
  problem,
  scripted,
  type Step,
} from './script.ts';

/** Streams of rows from a server that breaks them off on purpose. */

beforeEach(neverPause);

describe('a stream', () => {
  const line = (n: number) => `${JSON.stringify({ cursor: `c${n}`, row: { userId: `é${n}` } })}\n`;
  const END = '{"end":true}\n';
  const read = async (stream: AsyncIterable<{ userId: string }>) => {
    const users: string[] = [];
    for await (const { userId } of stream) users.push(userId);
    return users;
  };

  it('a stream that was cut within a line or between lines goes on after its last whole row', async () => {
    const { url, seen } = await scripted(
      lines(line(1) + line(2) + line(3).slice(0, 10), 'cut'),
      drop,
      lines(line(3), 'end'),
      problem(503, 'overloaded', { retryable: true }),
      lines(line(4) + END, 'end'),
    );
    expect(await read(clientOf(url).streamAccounts())).toEqual(['é1', 'é2', 'é3', 'é4']);
    expect(seen.map(({ path }) => path)).toEqual([
      '/v1/stream/accounts',
      '/v1/stream/accounts?after=c2',
      '/v1/stream/accounts?after=c2',
      '/v1/stream/accounts?after=c3',
      '/v1/stream/accounts?after=c3',
    ]);
  });

  it('a stream that still yields rows may be cut more often than maxRetries', async () => {
    const cuts = [1, 2, 3, 4, 5, 6].map((n) => lines(line(n), 'end'));
    const { url } = await scripted(...cuts, lines(END, 'end'));
    expect(await read(clientOf(url, { maxRetries: 1 }).streamAccounts())).toHaveLength(6);
  });

  it('a stream fails when its retries yield no row, and its cursor stays at the last row', async () => {
    const { url, seen } = await scripted(lines(line(1), 'cut'), drop);
    const stream = clientOf(url, { maxRetries: 2 }).streamAccounts();
    await expect(read(stream)).rejects.toMatchObject({ code: 'network_error' });
    expect(stream.cursor).toBe('c1');
    expect(seen).toHaveLength(3);
  });

  it('a stream makes a new connection when no row comes within its timeout', async () => {
    holdTime();
    const stall: Step = (response) => response.writeHead(200).write(line(1));
    const { url, seen } = await scripted(stall, lines(line(2) + END, 'end'));
    const rows = clientOf(url).streamAccounts({ timeoutMs: 1_000 })[Symbol.asyncIterator]();
    expect(await rows.next()).toMatchObject({ value: { userId: 'é1' } });
    const next = rows.next();
    await passTime('a new connection', () => seen.length === 2, 20);
    expect(seen[1]!.atMs - seen[0]!.atMs).toBeGreaterThanOrEqual(1_000);
    expect(await next).toMatchObject({ value: { userId: 'é2' } });
    expect(await rows.next()).toMatchObject({ done: true });
  });

  it('a stream closes its connection when the loop over it is left', async () => {
    let isClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (isClosed = resolve));
    const { url } = await scripted((response) => {
      response.once('close', isClosed);
      response.writeHead(200).write(line(1) + line(2));
    });
    for await (const row of clientOf(url).streamAccounts()) if (row.userId === 'é1') break;
    await closed;
  });

  it('a stream fails with the reason of the caller who aborts it', async () => {
    const { url } = await scripted((response) => response.writeHead(200).write(line(1)));
    const controller = new AbortController();
    const reason = new Error('Enough');
    const stream = clientOf(url).streamAccounts({ signal: controller.signal })[Symbol.asyncIterator]();
    await stream.next();
    controller.abort(reason);
    await expect(stream.next()).rejects.toBe(reason);
  });

  it('a stream can be read only once', async () => {
    const { url } = await scripted(lines(END, 'end'));
    const stream = clientOf(url).streamAccounts();
    await read(stream);
    await expect(read(stream)).rejects.toThrow('A stream is read once');
  });

  it('a character that arrives in two pieces of a stream is put together', async () => {
    const bytes = Buffer.from(line(1) + END);
    const within = bytes.indexOf(0xc3) + 1;
    const pieces = [bytes.subarray(0, within), bytes.subarray(within)];
    const inPieces = () => Promise.resolve(new Response(ReadableStream.from(pieces)));
    const client = new PincexClient({ url: 'http://localhost', key: 'pincex_a', fetch: inPieces });
    expect(await read(client.streamAccounts())).toEqual(['é1']);
  });
});
