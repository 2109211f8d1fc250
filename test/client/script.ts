import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import { PincexClient, type PincexClientOptions } from '../../src/client/index.ts';
import { until } from '../support/waiting.ts';

/** How the server answers one request; the last step of a script answers all further requests. */
export type Step = (response: ServerResponse) => void;

/** A request as the server received it, with its time by the client's clock. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs: number;
}

/** A server that answers by a script, and the requests that it got. It is closed when the test ends. */
export async function scripted(...steps: readonly Step[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      seen.push({ path: request.url ?? '', headers: request.headers, body, atMs: performance.now() });
      steps[Math.min(seen.length, steps.length) - 1]?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** Cuts the connection before any byte of an answer. */
export const drop: Step = (response) => {
  response.destroy();
};

/** Never answers. */
export const hang: Step = () => undefined;

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Step =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

/** Begins this answer, and cuts the connection in the middle of it. */
export const half =
  (body: unknown): Step =>
  (response) => {
    const text = JSON.stringify(body);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
  };

export const problem = (
  status: number,
  code: string,
  extensions: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Step =>
  json(
    {
      type: `https://pincex.example/${code}`,
      title: code,
      status,
      detail: `It is ${code}`,
      code,
      retryable: false,
      ...extensions,
    },
    status,
    {
      'content-type': 'application/problem+json',
      ...headers,
    },
  );

/** Sends these lines of a stream, then cuts the connection or ends the answer. */
export const lines =
  (text: string, ending: 'cut' | 'end'): Step =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write(text, () => {
      if (ending === 'cut') response.destroy();
      else response.end();
    });
  };

export const RESULT = { status: 'applied', results: [] };

/** The answer to a write that was applied. */
export const done = json(RESULT);

export const DEPOSIT = [{ id: 'in', userId: 'alice', currency: 'USD', amount: '1' }];

export const clientOf = (url: string, options: Omit<PincexClientOptions, 'url' | 'key'> = {}) =>
  new PincexClient({ url, key: 'pincex_id_secret', ...options });

/** Makes one write. Returns its batch or its error, the requests that the server got, and their idempotency keys. */
export async function write(
  steps: readonly Step[],
  options?: { maxRetries?: number; timeoutMs?: number },
): Promise<{ outcome: unknown; seen: Seen[]; keys: Set<unknown> }> {
  const { url, seen } = await scripted(...steps);
  const outcome: unknown = await clientOf(url, options)
    .batchDeposit(DEPOSIT)
    .catch((error: unknown) => error);
  return { outcome, seen, keys: new Set(seen.map(({ headers }) => headers['idempotency-key'])) };
}

export const bodyOf = ({ body }: Seen) => JSON.parse(body) as Record<string, unknown>;

/** Until the test ends, each random pause of a client before a retry has its shortest length. */
export function neverPause(): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => {
    random.mockRestore();
  });
}

/** Until the test ends, time passes in this process only when the test lets it. */
export function holdTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Lets time pass, one step for each look, until the condition holds. */
export function passTime(what: string, condition: () => boolean, stepMs: number): Promise<void> {
  return until(what, () => {
    if (condition()) return true;
    vi.advanceTimersByTime(stepMs);
    return false;
  });
}
