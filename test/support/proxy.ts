import net from 'node:net';

/** The fate of a request: it passes, or its connection is cut. */
export type Verdict = 'pass' | 'cut';

/** A proxy between a client and PostgreSQL, whose connections a test can cut at any point. */
export interface Proxy {
  /** The URL of the same database, through the proxy. */
  readonly url: string;
  /**
   * Decides on an answer of the server before the client gets it. `cut` drops it and ends both connections; `hold`
   * keeps it, and everything after it on the same connection, until `release`.
   */
  onAnswer: (answer: Buffer) => Verdict | 'hold';
  /** Decides on a request of the client before the server gets it. */
  onRequest: (request: Buffer) => Verdict;
  release(): void;
  /** Ends every connection; refuses new ones until the proxy is opened again. */
  shut(): void;
  /** How many connections were refused so far. */
  readonly refused: number;
  reopen(): void;
  /** Leads new connections to another server, as an address does after a failover. Open connections stay. */
  leadTo(databaseUrl: string): void;
  close(): Promise<void>;
}

export async function startProxy(databaseUrl: string): Promise<Proxy> {
  let target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  const held = new Map<net.Socket, Buffer[]>();
  let isShut = false;
  let refused = 0;
  const server = net.createServer((client) => {
    if (isShut) {
      refused++;
      client.destroy();
      return;
    }
    const upstream = net.connect(Number(target.port), target.hostname);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', cut).on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (request) => {
      if (proxy.onRequest(request) === 'cut') cut();
      else upstream.write(request);
    });
    upstream.on('data', (answer) => {
      const kept = held.get(client);
      const verdict = kept === undefined ? proxy.onAnswer(answer) : 'hold';
      if (verdict === 'cut') cut();
      else if (verdict === 'pass') client.write(answer);
      else held.set(client, [...(kept ?? []), answer]);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as net.AddressInfo).port);
  const shut = (): void => {
    isShut = true;
    for (const socket of sockets) socket.destroy();
  };
  const proxy: Proxy = {
    url: url.href,
    onAnswer: () => 'pass',
    onRequest: () => 'pass',
    release: () => {
      for (const [client, answers] of held) for (const answer of answers) client.write(answer);
      held.clear();
    },
    shut,
    get refused() {
      return refused;
    },
    reopen: () => {
      isShut = false;
    },
    leadTo: (other) => {
      target = new URL(other);
    },
    close: () =>
      new Promise((resolve) => {
        shut();
        server.close(() => {
          resolve();
        });
      }),
  };
  return proxy;
}
