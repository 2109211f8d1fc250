import net from 'node:net';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { connect } from '../../src/database/client.ts';
import { Database } from '../../src/database/database.ts';
import { configOf } from '../support/books.ts';
import { startProxy } from '../support/proxy.ts';
import { until } from '../support/waiting.ts';

/** A program that listens in place of a server gets neither the password nor a statement. */

const SECRET = 'the-secret-of-the-server';

/** A message of PostgreSQL's protocol: its letter, its length and its body. */
function message(letter: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const authentication = (kind: number, more = ''): Buffer => {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(kind);
  return message('R', Buffer.concat([number, Buffer.from(more, 'latin1')]));
};

const CLEARTEXT = authentication(3);
const MD5 = authentication(5, 'salt');
const SCRAM = authentication(10, 'SCRAM-SHA-256\0\0');
const OK = authentication(0);
const READY = message('Z', Buffer.from('I'));
const FIRST = authentication(11, 'r=made-up,s=c2FsdA==,i=4096');
const LAST = authentication(12, 'v=bm9ib2R5IGtub3dz');

interface Impostor {
  readonly url: string;
  heard(): string;
  came(): number;
  hangUp(): void;
}

/** A false server that sends these messages to each client, and records what it receives after the first message. */
async function startImpostor(...says: Buffer[]): Promise<Impostor> {
  const heard: Buffer[] = [];
  let came = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      came++;
      socket.on('data', (data) => heard.push(data));
      socket.write(Buffer.concat(says));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    hangUp();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  return {
    url: `postgres://postgres:${SECRET}@127.0.0.1:${port}/pincex?sslmode=disable`,
    heard: () => Buffer.concat(heard).toString('latin1'),
    came: () => came,
    hangUp,
  };
}

const REQUIRED = '&require_auth=scram-sha-256';

describe('a server that does not prove who it is', () => {
  it.each([
    [
      'asks for the password in plain text',
      [CLEARTEXT],
      '',
      /in plain text \(password\), which .* over TLS .* require_auth=password/,
    ],
    ['asks for the password by MD5', [MD5], '', /guessed \(md5\), which .* scram-sha-256 in its pg_hba.conf/],
    [
      'asks for the password in plain text although the URL requires SCRAM',
      [CLEARTEXT],
      REQUIRED,
      /only scram-sha-256/,
    ],
    ['asks for the password by MD5 although the URL requires SCRAM', [MD5], REQUIRED, /only scram-sha-256/],
    [
      'asks for the password by SCRAM although the URL requires MD5',
      [SCRAM],
      '&require_auth=md5',
      /only md5/,
    ],
    ['asks for nothing although the URL requires SCRAM', [OK, READY], REQUIRED, /does not prove/],
    ['says at once that it is ready although the URL requires SCRAM', [READY], REQUIRED, /does not prove/],
    ['leaves its proof out', [SCRAM, OK, READY], REQUIRED, /does not prove/],
    ['makes its proof up', [SCRAM, FIRST, LAST, OK, READY], REQUIRED, /SASL/],
  ])('a server that %s gets no password', async (_, says, parameters, problem) => {
    const impostor = await startImpostor(...says);
    const url = `${impostor.url}${parameters}`;
    await expect(connect(url)).rejects.toMatchObject({
      code: 'database_refused',
      message: expect.stringMatching(problem) as string,
    });
    expect(impostor.came()).toBe(1);
    // SCRAM begins with a random nonce of the client, which tells nothing.
    expect(impostor.heard().replace(/^p.*n,,n=\*,r=.{24}$/s, '')).toBe('');
  });

  it('a server that asks in plain text gets the password if the URL has require_auth=password', async () => {
    const impostor = await startImpostor(CLEARTEXT, OK);
    const connecting = expect(connect(`${impostor.url}&require_auth=password`)).rejects.toThrow('terminated');
    await until('the password to be told', () => impostor.heard().includes(SECRET));
    impostor.hangUp();
    await connecting;
  });
});

it('a pool whose server was replaced by another program sends nothing to that program', async () => {
  const proxy = await startProxy(inject('serverUrl'));
  onTestFinished(() => proxy.close());
  const url = `${proxy.url}&require_auth=scram-sha-256`;
  const database = new Database({ url, ...configOf(url).database.pool, queryHints: true });
  onTestFinished(() => database.close());
  await database.query({ name: 'one', text: 'SELECT 1' });
  for (const says of [CLEARTEXT, MD5, OK]) {
    const impostor = await startImpostor(says, READY);
    proxy.shut();
    await until('the pool to notice', () => database.poolState.open === 0);
    proxy.leadTo(impostor.url);
    proxy.reopen();
    await expect(database.query({ name: 'one', text: 'SELECT 1' })).rejects.toMatchObject({
      message: expect.stringMatching(/no password was sent/) as string,
    });
    expect(impostor.came()).toBe(1);
    expect(impostor.heard()).toBe('');
  }
});
