import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, vi } from 'vitest';
import type { App } from '../../src/http/app.ts';
import { buildServer, type Patience, type ServerOptions } from '../../src/http/server.ts';
import { limits } from '../../src/limits.ts';
import { newUser, type TestBooks } from '../support/books.ts';
import { until } from '../support/waiting.ts';
import { makeKey } from './support.ts';

/** A connection to a service, on which a client may do what no library would. */
export interface Wire {
  /** All that has come so far. */
  readonly received: string;
  /** Whether the service, or both sides, have closed the connection. */
  readonly isClosed: boolean;
  send(text: string | Buffer): void;
  /** Sends a text; resolves once the service's machine has taken all of it. */
  sent(text: string): Promise<void>;
  /** Takes nothing until it is resumed. */
  pause(): void;
  resume(): void;
  hangUp(): void;
}

/** @param allowHalfOpen whether the client can go on sending when the service sends no more */
export async function dial(url: string, allowHalfOpen = false): Promise<Wire> {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ port: Number(port), host: hostname, allowHalfOpen });
  const seen = { received: '', isClosed: false };
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => (seen.received += text));
  // A client that is cut off while it writes gets an error here, and is closed then.
  socket.on('error', () => undefined).on('close', () => (seen.isClosed = true));
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  return {
    get received() {
      return seen.received;
    },
    get isClosed() {
      return seen.isClosed;
    },
    send(text) {
      socket.write(text);
    },
    async sent(text) {
      await new Promise<unknown>((resolve) => socket.write(text, resolve));
    },
    pause() {
      socket.pause();
    },
    resume() {
      socket.resume();
    },
    hangUp() {
      socket.destroy();
    },
  };
}

/** A call as it goes over the wire: its head, and its body. */
export function callOf(path: string, key: string, items: object): { head: string; body: string } {
  const body = JSON.stringify(items);
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return { head: `${head.join('\r\n')}\r\n\r\n`, body };
}

/** The head of the same call with its body in chunks. */
export const chunked = (head: string): string =>
  head.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked');

/** A call by GET as it goes over the wire. */
export const getOf = (path: string, key: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`;

/** Makes so many accounts that a stream of them is more than the connections of this machine hold. */
export async function openManyAccounts(books: TestBooks): Promise<void> {
  await books.sql(
    `INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
     SELECT repeat('x', 100) || n, 'USD', 0, 0, 0, now(), now() FROM generate_series(1, 50000) AS n`,
  );
}

/** Keeps something of the books as it is: a statement that would change it waits until it is released. */
export interface Held {
  /** Resolves once a statement waits for what is held. */
  awaited(): Promise<void>;
  release(): Promise<void>;
}

/** Holds the accounts of a user: batches that move them wait. */
export function hold(books: TestBooks, userId: string): Promise<Held> {
  return holding(books, 'SELECT FROM accounts WHERE user_id = $1 FOR UPDATE', [userId]);
}

/** Holds a table: statements that read it wait, too. */
export function holdTable(
  books: TestBooks,
  table: 'accounts' | 'api_keys' | 'journal' | 'requests',
): Promise<Held> {
  return holding(books, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`, []);
}

async function holding(books: TestBooks, statement: string, values: unknown[]): Promise<Held> {
  await books.sql('BEGIN');
  await books.sql(statement, values);
  let isHeld = true;
  const release = async (): Promise<void> => {
    if (isHeld) await books.sql('COMMIT');
    isHeld = false;
  };
  onTestFinished(release);
  return {
    release,
    awaited: () =>
      until('something to wait for what is held', async () => {
        const waiting = await books.sql(
          'SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))',
        );
        return waiting.length > 0;
      }),
  };
}

/** A lock of one of a user's ten dollars that is under way, and for whose answer no client waits any more. */
export interface Abandoned {
  readonly userId: string;
  readonly batchId: string;
  /** The accounts for which it waits. */
  readonly held: Held;
}

export async function abandonedLock(
  books: TestBooks,
  { url, key }: { readonly url: string; readonly key: string },
): Promise<Abandoned> {
  const userId = await newUser(books.pincex, { USD: '10' });
  const held = await hold(books, userId);
  const batchId = randomUUID();
  const items = [{ id: 'a', userId, currency: 'USD', amount: '1', orderId: 'a' }];
  const { head, body } = callOf('/v1/funds/batch-lock', key, { items, batchId });
  const wire = await dial(url);
  wire.send(head + body);
  await held.awaited();
  wire.hangUp();
  return { userId, batchId, held };
}

/** A service that does not listen yet, with the patience of production unless a test gives it another. */
export function build({ pincex }: TestBooks, options: Partial<ServerOptions> = {}): Promise<App> {
  return buildServer(pincex, {
    version: '0.0.0',
    readiness: { isDraining: false },
    isLocal: true,
    itemsPerSecond: null,
    idempotencyRetentionMs: 60_000,
    idempotencyRoom: limits.requests.room,
    bodyLimit: 1_048_576,
    maxConcurrent: 10,
    maxWaiting: 100,
    queueTimeoutMs: 10_000,
    ...options,
  });
}

/** A service with its server, whose patience a test may change while it runs. */
export interface TestApp {
  readonly app: App;
  readonly url: string;
  /** A key with the scope `admin`. */
  readonly key: string;
}

/** Far longer than any test, so that a test has to make the service cut a client off. */
const PATIENT = { requestMs: 300_000, headersMs: 300_000, idleMs: 300_000, checkMs: 50 };

/** A service with another patience than that of production, until the test ends. */
export async function serveImpatiently(
  books: TestBooks,
  patience: Partial<Patience>,
  options: Partial<ServerOptions> = {},
): Promise<TestApp> {
  const started = await startApp(books, patience, options);
  onTestFinished(() => started.app.close());
  return started;
}

/** A service that all tests of a file, or of a `describe`, share. They must leave it as it was. */
export function useApp(books: TestBooks, options: Partial<ServerOptions> = {}): TestApp {
  let started: TestApp | undefined;
  beforeAll(async () => {
    started = await startApp(books, {}, options);
  });
  afterAll(() => started?.app.close());
  const running = (): TestApp => {
    if (started === undefined) throw new Error('The service has not been started yet');
    return started;
  };
  return {
    get app() {
      return running().app;
    },
    get url() {
      return running().url;
    },
    get key() {
      return running().key;
    },
  };
}

async function startApp(
  books: TestBooks,
  patience: Partial<Patience>,
  options: Partial<ServerOptions>,
): Promise<TestApp> {
  const app = await build(books, {
    ...options,
    patience: { ...PATIENT, headersMs: patience.requestMs ?? PATIENT.headersMs, ...patience },
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, url, key: await makeKey(books.pincex, 'admin') };
}

/** The answer to the next request that a service begins to read. */
export async function nextAnswer({ server }: App): Promise<ServerResponse> {
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  return response;
}

/** From now on the answer is given up where nothing of it moves for a moment. */
export function losePatience(answer: ServerResponse): void {
  expect(answer.req.socket.timeout).toBe(PATIENT.requestMs);
  answer.setTimeout(50);
}

/** From now on a request has to be whole this many milliseconds after its first byte. */
export function hurry({ server }: App, ms: number): void {
  server.headersTimeout = ms;
  server.requestTimeout = ms;
}

/**
 * Until the test ends, timers run only where `vi.advanceTimersByTime` moves them. So do those of the database, which
 * would otherwise give up a statement after a minute.
 */
export function holdTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Resolves once the service has read what was sent to it before. */
export async function untilRead(url: string): Promise<void> {
  await fetch(`${url}/healthz`);
}
