import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { setEnvironment } from '../support/environment.ts';

/** A span as OTLP/JSON has it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly status: { readonly code: number; readonly message?: string };
  readonly events: readonly unknown[];
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

interface Metric {
  readonly name: string;
  readonly unit: string;
}

/** A collector of OpenTelemetry, until the test has finished. */
export interface Receiver {
  readonly url: string;
  /** All texts that it received, as they were sent. */
  readonly bodies: readonly string[];
  readonly spans: readonly ReceivedSpan[];
  readonly metrics: readonly Metric[];
}

/** Starts a collector that takes OTLP/JSON, and sets the variables by which a Pincex that is opened sends to it. */
export async function startReceiver(
  answer: (request: IncomingMessage) => Promise<void> = () => Promise.resolve(),
): Promise<Receiver> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      bodies.push(body);
      await answer(request);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  setEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
  const all = <Part>(key: string): Part[] => bodies.flatMap((body) => partsOf<Part>(JSON.parse(body), key));
  return {
    url,
    bodies,
    get spans() {
      return all<ReceivedSpan>('spans');
    },
    get metrics() {
      return all<Metric>('metrics');
    },
  };
}

/** The lists with this key anywhere in a value, joined. */
function partsOf<Part>(value: unknown, key: string): Part[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === key ? (part as Part[]) : partsOf<Part>(part, key),
  );
}

/** The attributes of a span by their names; whole numbers come as numbers or as texts. */
export const attributesOf = ({ attributes }: ReceivedSpan): Record<string, unknown> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      'intValue' in value ? Number(value['intValue']) : Object.values(value)[0],
    ]),
  );
