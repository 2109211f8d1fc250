import { Agent, request, type IncomingMessage } from 'node:http';
import type { Received } from '../document/contract.ts';
import type { Call } from './calls.ts';

/** A call that is not answered within this time hangs. */
const MOST_MS = 100_000;

/** After this many characters a reader of a stream has seen enough and hangs up. */
const ENOUGH = 50_000;

/** Sends calls over connections that are kept, with parts that `fetch` would refuse. */
export class Sender {
  readonly #origin: URL;
  readonly #key: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string, key: string) {
    this.#origin = new URL(url);
    this.#key = key;
  }

  /** @throws Error where no answer comes, or half of one */
  send({ method, path, headers, body }: Call): Promise<Received> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#origin;
      const call = request({
        hostname,
        port,
        method,
        path,
        agent: this.#agent,
        headers: {
          ...headers,
          authorization: `Bearer ${this.#key}`,
          ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
        },
      });
      const timer = setTimeout(() => call.destroy(new Error(`No answer in ${MOST_MS} ms`)), MOST_MS);
      call.once('close', () => {
        clearTimeout(timer);
      });
      call.once('error', reject);
      call.once('response', (response: IncomingMessage) => {
        const { statusCode: status = 0, headers } = response;
        const end = (text: string, isCut: boolean): void => {
          const contentType = headers['content-type'] ?? '';
          resolve({ status, contentType, text, isCut });
        };
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
          const isEndless = headers['content-type']?.startsWith('text/event-stream') === true;
          const isStream = isEndless || headers['content-type'] === 'application/x-ndjson';
          if (!isStream || (!isEndless && text.length < ENOUGH)) return;
          end(text, true);
          response.removeAllListeners('data');
          response.destroy();
        });
        response.once('error', reject);
        response.once('end', () => {
          end(text, false);
        });
      });
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
