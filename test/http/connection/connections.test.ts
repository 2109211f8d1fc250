import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Connections } from '../../../src/http/connection/connections.ts';
import { until } from '../../support/waiting.ts';
import { dial } from '../wire.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A server of Node.js alone, whose requests the test answers. */
async function listen() {
  const connections = new Connections();
  const responses: ServerResponse[] = [];
  const server = http.createServer((_request: IncomingMessage, response: ServerResponse) => {
    responses.push(response);
  });
  connections.watch(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    connections.destroyAll();
    server.close();
  });
  return {
    connections,
    responses,
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
}

describe('the behaviour of Node.js that Connections relies on', () => {
  it('a server that begins to close ends a connection that never sent a byte, and no other', async () => {
    const { connections, responses, server, url } = await listen();
    const [silent, busy] = [await dial(url), await dial(url)];
    busy.send(GET);
    await until('the request', () => responses.length === 1);
    await until(
      'both connections',
      () =>
        new Promise<boolean>((resolve) => {
          server.getConnections((_error, count) => {
            resolve(count === 2);
          });
        }),
    );
    server.close();
    connections.beginClosing();
    await until('the silent connection to end', () => silent.isClosed);
    responses[0]!.end('done');
    await until('the answer', () => busy.received.endsWith('done'));
  });

  it('if a connection closes, each response on it emits close once, those queued behind another too', async () => {
    const { responses, url } = await listen();
    const wire = await dial(url);
    wire.send(GET + GET + GET);
    await until('the requests', () => responses.length === 3);
    const closed = responses.map(() => 0);
    for (const [i, response] of responses.entries()) response.on('close', () => closed[i]!++);
    wire.hangUp();
    await until('all to be told', () => closed.every((times) => times > 0));
    await new Promise(setImmediate);
    expect(closed).toEqual([1, 1, 1]);
  });

  it('a connection ends behind the answer that its client asked to be the last', async () => {
    const { connections, responses, url } = await listen();
    const wire = await dial(url);
    wire.send(GET);
    await until('the first request', () => responses.length === 1);
    expect(connections.endsBehind(responses[0]!)).toBe(false);
    responses[0]!.end();
    wire.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await until('the second request', () => responses.length === 2);
    expect(connections.endsBehind(responses[1]!)).toBe(true);
  });

  it('while the server closes, a connection ends behind the answer to its latest request', async () => {
    const { connections, responses, url } = await listen();
    const wire = await dial(url);
    wire.send(GET + GET);
    await until('the requests', () => responses.length === 2);
    connections.beginClosing();
    expect(responses.map((response) => connections.endsBehind(response))).toEqual([false, true]);
  });

  it('a connection that lingers behind its last answer is still read, so that the answer arrives', async () => {
    const { connections, responses, url } = await listen();
    const wire = await dial(url, true);
    const rest = 'x'.repeat(1_000);
    wire.send(
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${2 * rest.length}\r\n\r\n${rest}`,
    );
    await until('the request', () => responses.length === 1);
    const response = responses[0]!;
    const { socket } = response.req;
    connections.lingerBehind(response);
    response.req.resume();
    response.end('refused');
    await until('the answer', () => wire.received.includes('refused'));
    const read = socket.bytesRead;
    wire.send(rest);
    await until('the rest to be read', () => socket.bytesRead === read + rest.length);
    expect(socket.destroyed).toBe(false);
  });

  it('a connection whose next bytes are no request ends only once the request before them is answered', async () => {
    const { connections, responses, server, url } = await listen();
    const due: boolean[] = [];
    server.on('clientError', () => {
      due.push(connections.endOnceAnswered(responses[0]!.req.socket));
    });
    const wire = await dial(url);
    wire.send(`${GET}no request\r\n\r\n`);
    await until('the error', () => due.length > 0);
    expect([due, wire.isClosed]).toEqual([[true], false]);
    responses[0]!.end('done');
    await until('the end', () => wire.isClosed);
    expect(wire.received).toContain('done');
  });

  it('bytes behind a request that was answered before it had come whole are known as its rest', async () => {
    const { connections, responses, server, url } = await listen();
    const rests: boolean[] = [];
    server.on('clientError', (_error, socket) => {
      rests.push(connections.isRestOfAnswered(responses[0]!.req.socket));
      socket.destroy();
    });
    const wire = await dial(url);
    wire.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    await until('the request', () => responses.length === 1);
    responses[0]!.end('refused');
    await until('the answer', () => wire.received.includes('refused'));
    wire.send('no chunk\r\n');
    await until('the error', () => rests.length > 0);
    expect(rests).toEqual([true]);
  });

  it('a request is known before the server answers it, though the server listened to requests first', async () => {
    const known: boolean[] = [];
    const connections = new Connections();
    const server = http.createServer((_request, response) => {
      connections.beginClosing();
      known.push(connections.endsBehind(response));
      response.end('done');
    });
    connections.watch(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      connections.destroyAll();
      server.close();
    });
    const wire = await dial(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    wire.send(GET);
    await until('the answer', () => wire.received.includes('done'));
    expect(known).toEqual([true]);
  });

  it('a request with an unknown Expect is answered like any other', async () => {
    const { responses, url } = await listen();
    const wire = await dial(url);
    wire.send('GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n');
    await until('the request, or a refusal', () => responses.length > 0 || wire.received !== '');
    expect([responses.length, wire.received]).toEqual([1, '']);
  });
});
