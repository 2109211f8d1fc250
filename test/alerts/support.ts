import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished, vi } from 'vitest';
import type { AlertsConfig } from '../../src/config/load.ts';
import { Pincex, type Alert, type PincexOptions } from '../../src/index.ts';
import { configOf } from '../support/books.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** A request that a webhook received. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Alert };
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** The requests in a short form, such as `firing audit`. */
  readonly events: string[];
  /** The status of the next answers, or a way to answer. Default: 204. */
  answer: number | ((response: ServerResponse) => void);
  close(): Promise<void>;
}

/** A webhook on a real HTTP server. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const events: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const parsed = JSON.parse(body) as Received['body'];
      received.push({ headers: request.headers, text: body, body: parsed });
      events.push(`${parsed.data.state} ${parsed.data.rule}`);
      const { answer } = receiver;
      if (typeof answer === 'number') response.writeHead(answer).end();
      else answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    events,
    answer: 204,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return receiver;
}

/** A receiver that is closed when the test has finished. */
export async function useReceiver(): Promise<Receiver> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

/** Opens the books with settings for alerts; the caller closes them. */
export function openWithAlerts(
  url: string,
  alerts: Partial<AlertsConfig>,
  options: Omit<PincexOptions, 'config'> = {},
): Promise<Pincex> {
  const config = configOf(url);
  return Pincex.open({ ...options, config: { ...config, alerts: { ...config.alerts, ...alerts } } });
}

/** A log that records its lines. */
export const recordingLog = () => ({ info: vi.fn(), warn: vi.fn(), error: vi.fn() });

/** The variables that make a receiver the webhook. */
export const webhookVariables = ({ url }: Receiver): Record<string, string> => ({
  PINCEX_ALERTS_WEBHOOK_URL: url,
  PINCEX_ALERTS_WEBHOOK_SECRET: SECRET,
});
