import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { PincexClient } from '../../src/client/index.ts';
import type { App } from '../../src/http/app.ts';
import type { Pincex } from '../../src/index.ts';
import { makeKey } from '../http/support.ts';
import { build } from '../http/wire.ts';
import { useBooks } from '../support/books.ts';

/** The service on the books of this test file, and a client that calls it over a real connection. */
export interface TestService {
  readonly pincex: Pincex;
  readonly url: string;
  /** An API key with the scope `admin`. */
  readonly key: string;
  readonly client: PincexClient;
}

export function useService(): TestService {
  const books = useBooks();
  let app: App | undefined;
  let key = '';
  beforeAll(async () => {
    app = await build(books, { bodyLimit: 8 * 1_048_576, queueTimeoutMs: 1_000 });
    key = await makeKey(books.pincex, 'admin');
    await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => app?.close());
  return {
    get pincex() {
      return books.pincex;
    },
    get url() {
      const { port } = app?.server.address() as AddressInfo;
      return `http://127.0.0.1:${port}`;
    },
    get key() {
      return key;
    },
    get client() {
      return new PincexClient({ url: this.url, key });
    },
  };
}
