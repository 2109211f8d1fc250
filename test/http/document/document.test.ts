import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiKeys } from '../../../src/apiKeys/store.ts';
import type { BatchResult } from '../../../src/index.ts';
import { limits } from '../../../src/limits.ts';
import { useBooks } from '../../support/books.ts';
import { holdWindows } from '../../support/clock.ts';
import { createTestDatabase } from '../../support/database.ts';
import { temporaryFolder } from '../../support/folders.ts';
import { Contract, type Operation } from './contract.ts';
import { serve, useService } from '../support.ts';
import { serveImpatiently } from '../wire.ts';

const books = useBooks();
const service = useService(books);

let contract: Contract;
beforeAll(async () => {
  contract = await Contract.of(service.url, service.key);
});

describe('the document', () => {
  // client/schema.test.ts makes the types of the client from the document, and so shows that it keeps the rules of OpenAPI.
  it('the document is OpenAPI 3.1', () => {
    expect(contract.document).toMatchObject({ openapi: '3.1.0' });
  });

  it('the document is made once, and costs the KiB of its length each time that a key reads it', async () => {
    const { app, url } = await serveImpatiently(books, {}, { isLocal: false });
    const making = vi.spyOn(app, 'swagger');
    const store = new ApiKeys(books.pincex.session);
    const { key } = await store.create({ name: 'reader', scopes: ['read'], rateLimit: 10_000 });
    holdWindows();
    const read = async () => {
      const response = await fetch(`${url}/openapi.json`, { headers: { authorization: `Bearer ${key}` } });
      return { text: await response.text(), left: response.headers.get('RateLimit') };
    };
    const [first, second] = [await read(), await read()];
    const cost = Math.ceil(first.text.length / limits.http.bytesOfItem);
    expect(cost).toBeGreaterThan(10);
    expect(first.left).toBe(`"items";r=${10_000 - cost};t=1`);
    expect(second).toEqual({ text: first.text, left: `"items";r=${10_000 - 2 * cost};t=1` });
    expect(making).toHaveBeenCalledOnce();
  });

  it('redocly lint finds nothing in the document', async () => {
    const file = path.join(temporaryFolder('openapi'), 'openapi.json');
    await writeFile(file, JSON.stringify(contract.document));
    const redocly = fileURLToPath(new URL('../../../node_modules/.bin/redocly', import.meta.url));
    const words = ['lint', file, '--extends=recommended', '--format=json'];
    // Without these settings redocly asks for a newer version and reports that it ran.
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    const { stdout } = await promisify(execFile)(redocly, words, { env }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect((JSON.parse(stdout) as { problems: unknown }).problems).toEqual([]);
  });

  it('each operation has a name of its own, a section, and a description that says what a key needs', () => {
    const { operations, document } = contract;
    for (const { name, scopes, description, operationId, tags } of operations) {
      const needed = scopes === null ? 'Needs no key.' : scopes.map((scope) => `\`${scope}\``).join(' and ');
      expect(description, name).toContain(needed);
      expect(operationId, name).toMatch(/^[a-z][A-Za-z]+$/);
      expect(
        document.tags.map((tag) => tag.name),
        name,
      ).toContain(tags.join());
    }
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  it('each reference in the document leads to a schema', () => {
    const { document } = contract;
    const references = [...JSON.stringify(document).matchAll(/"\$ref":("[^"]*")/g)].map(
      ([, text]) => JSON.parse(text!) as string,
    );
    expect(references.length).toBeGreaterThan(50);
    for (const $ref of references) expect(contract.resolve({ $ref })).toBeDefined();
  });

  it('each operation says who may call it, how it answers, and what is sent', () => {
    const { operations } = contract;
    for (const { name, method, security, responses, requestBody } of operations) {
      expect(security, name).toBeInstanceOf(Array);
      expect(Object.keys(responses), name).toEqual(expect.arrayContaining(['200', '400', '503']));
      expect(requestBody !== undefined, name).toBe(method === 'POST');
    }
  });

  it('each operation names the headers of its calls and answers, and the statuses of its refusals', () => {
    const { operations } = contract;
    for (const { name, scopes, path, method, parameters = [], responses } of operations) {
      const isWrite = scopes?.some((scope) => scope.endsWith(':write')) ?? false;
      const headers = parameters
        .filter((parameter) => parameter.in === 'header')
        .map((header) => header.name);
      const wanted = [
        ...(isWrite ? ['Idempotency-Key'] : []),
        ...(scopes === null ? [] : ['Request-Timeout']),
      ];
      expect(headers.sort(), name).toEqual(wanted);
      const refusals = [
        ...[400, 500, 503],
        ...(scopes === null ? [] : [401, 403, 429, 504]),
        ...(method === 'POST' ? [408, 413, 415] : []),
        ...(isWrite ? [409, 422] : []),
        ...(path.includes('{') || path === '/v1/live' ? [404] : []),
        ...(path.endsWith('{batchId}') ? [422] : []),
      ];
      const documented = Object.keys(responses).map(Number);
      expect(documented.filter((status) => status >= 400).sort(), name).toEqual(refusals.sort());
      expect(Object.keys(responses[503]!.headers ?? {}), name).toEqual(['Retry-After']);
      for (const status of isWrite ? [200, 422] : [])
        expect(Object.keys(responses[status]!.headers ?? {}), name).toContain('Idempotency-Hit');
    }
  });

  it('an answer that lacks a field, or has one too many, is found to break the document', async () => {
    const operation = contract.operationOf('GET', '/v1/limits');
    const { status, body } = await service.get<Record<string, unknown>>('/v1/limits');
    const breach = (value: unknown, contentType = 'application/json', as = status): string | undefined =>
      contract.breach(operation, { status: as, contentType, text: JSON.stringify(value) });
    expect(breach(body)).toBeUndefined();
    const { queueTimeoutMs, ...less } = body;
    expect(breach(less)).toContain('queueTimeoutMs');
    expect(breach({ ...body, more: 1 })).toContain('additionalProperties');
    expect(breach({ ...body, queueTimeoutMs: String(queueTimeoutMs) })).toContain('must be integer');
    expect(breach(body, 'text/html')).toContain('not documented');
    expect(breach(body, 'application/problem+json', 400)).toContain('required');
    expect(breach(body, 'application/problem+json', 418)).toContain('not documented');
  });

  it('the results in a refused batch, and the status in its problem, are compared with the document too', async () => {
    const path = '/v1/funds/batch-lock';
    const item = { id: 'l1', userId: 'nobody', currency: 'USD', amount: '1', orderId: 'o1' };
    const { status, body } = await service.post<{ batch: object }>(path, { mode: 'atomic', items: [item] });
    expect(status).toBe(422);
    const breach = (value: unknown): string | undefined =>
      contract.breach(contract.operationOf('POST', path), {
        status,
        contentType: 'application/problem+json',
        text: JSON.stringify(value),
      });
    expect(breach(body)).toBeUndefined();
    expect(breach({ ...body, batch: { ...body.batch, counts: undefined } })).toContain('counts');
    expect(breach({ ...body, batch: { ...body.batch, more: 1 } })).toContain('additionalProperties');
    expect(breach({ ...body, status: 409 })).toBe('a 422 tells of 409');
  });
});

describe('the examples of the document', () => {
  /** The operations by the sections of the page, and within each section in the order of the document. */
  const asOnThePage = ({ operations, document }: Contract): Operation[] =>
    document.tags.flatMap(({ name }) => operations.filter(({ tags }) => tags.includes(name)));

  it.each([
    ['of the document', (contract: Contract) => contract.operations],
    ['of the page', asOnThePage],
  ])(
    'the examples succeed on empty books one after the other, in the order %s, and then once more',
    async (_, order) => {
      const database = await createTestDatabase();
      onTestFinished(() => database.drop());
      const { post, get, pincex } = await serve({ ...books, url: database.url });
      // Empty books have no batch and no alert that a path could name.
      const open = order(contract).filter(({ path }) => !path.includes('{'));
      const posts = open.filter(({ method }) => method === 'POST');
      const gets = open.filter(({ method }) => method === 'GET');
      expect(posts.length + gets.length).toBe(contract.operations.length - 2);
      for (const status of ['applied', 'replayed']) {
        for (const { path, name, requestBody } of posts) {
          const example = requestBody?.content?.['application/json']?.example;
          const answer = await post<Partial<BatchResult<unknown>>>(path, example);
          expect(answer.status, name).toBe(200);
          const { results } = answer.body;
          if (results === undefined) continue;
          expect(results.length, name).toBeGreaterThan(0);
          expect(
            results.map((result) => result.status),
            name,
          ).toEqual(results.map(() => status));
          expect(example, name).not.toHaveProperty('batchId');
        }
      }
      for (const { path, name } of gets) expect((await get(path)).status, name).toBe(200);
      expect((await pincex.audit()).findings).toEqual([]);
    },
  );
});
