import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What the server does with one request; the last one is for all that follow. */
export type Step = (response: ServerResponse) => void;

/** A request as it came. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs: number;
}

/** A server that goes by a script, and what it was asked. It is closed when the test ends. */
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

/** Cuts the connection before any of an answer. */
export const drop: Step = (response) => {
  response.destroy();
};

/** Says nothing. */
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

/** Lines of a stream, as they are given; then the connection is cut, or the answer ends. */
export const lines =
  (text: string, ending: 'cut' | 'end'): Step =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write(text, () => {
      if (ending === 'cut') response.destroy();
      else response.end();
    });
  };
