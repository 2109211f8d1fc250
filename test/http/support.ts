import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import type { ServiceConfig } from '../../src/config/load.ts';
import type { Scope } from '../../src/apiKeys/scopes.ts';
import { ApiKeys } from '../../src/apiKeys/store.ts';
import { startService } from '../../src/http/service.ts';
import { Pincex } from '../../src/index.ts';
import { configOf, type TestBooks } from '../support/books.ts';
import { Contract } from './document/contract.ts';

/** An answer, with its body as JSON where it is JSON. */
export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export interface TestService {
  readonly url: string;
  readonly pincex: Pincex;
  /** A key with the scope `admin`. */
  readonly key: string;
  /** Sends a value as JSON, and a string as it is. */
  readonly post: <Body = never>(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer<Body>>;
  readonly get: <Body = never>(path: string, headers?: Record<string, string>) => Promise<Answer<Body>>;
  readonly stop: () => Promise<void>;
}

/**
 * A service on the books of a test file, over real HTTP, until the test ends. Every answer that a test gets from it has
 * to keep to the document of the service.
 */
export async function serve(books: TestBooks, settings: Partial<ServiceConfig> = {}): Promise<TestService> {
  const service = await start(books, settings);
  onTestFinished(service.stop);
  return service;
}

/** A service that all tests of a file, or of a `describe`, share. They must leave it as it was. */
export function useService(books: TestBooks, settings: Partial<ServiceConfig> = {}): TestService {
  let started: TestService | undefined;
  beforeAll(async () => {
    started = await start(books, settings);
  });
  afterAll(() => started?.stop());
  const service = (): TestService => {
    if (started === undefined) throw new Error('The service has not been started yet');
    return started;
  };
  return {
    get url() {
      return service().url;
    },
    get pincex() {
      return service().pincex;
    },
    get key() {
      return service().key;
    },
    post: (...call) => service().post(...call),
    get: (...call) => service().get(...call),
    stop: () => service().stop(),
  };
}

/** The contract of every service here: the document does not depend on their settings. */
let contract: Promise<Contract> | undefined;

async function start(books: TestBooks, settings: Partial<ServiceConfig>): Promise<TestService> {
  const config = configOf(books.url);
  // Tests send more than a caller would.
  const service = { ...config.service, port: 0, drainDelayMs: 0, itemsPerSecond: null, ...settings };
  const pincex = await Pincex.open({ config: { ...config, service } });
  const started = await startService(pincex);
  const { url } = started;
  const key = await makeKey(pincex, 'admin');
  contract ??= Contract.of(url, key);
  const promised = await contract;
  const send = async <Body>(path: string, init: RequestInit): Promise<Answer<Body>> => {
    const response = await fetch(`${url}${path}`, init);
    const text = await textOf(response);
    const { status } = response;
    const received = { status, contentType: response.headers.get('content-type') ?? '', text };
    expect(promised.breach(promised.operationOf(init.method ?? 'GET', path), received)).toBeUndefined();
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
    const body = (isJson ? JSON.parse(text) : null) as Body;
    return { status, headers: response.headers, text, body };
  };
  const authorization = `Bearer ${key}`;
  return {
    url,
    pincex,
    key,
    stop: async () => {
      await started.stop();
      await pincex.close();
    },
    get: (path, headers = {}) => send(path, { headers: { authorization, ...headers } }),
    post: (path, body, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  };
}

/** The body of an answer; of events, which have no end, those that came first. */
export async function textOf(response: Response): Promise<string> {
  const isEndless = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (!isEndless) return response.text();
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    if (text.includes('\n\n')) break;
  }
  return text;
}

export async function makeKey({ session }: Pincex, ...scopes: Scope[]): Promise<string> {
  return (await new ApiKeys(session).create({ name: scopes.join(' '), scopes })).key;
}
