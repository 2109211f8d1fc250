import { beforeAll, describe, expect, it } from 'vitest';
import { useBooks } from '../support/books.ts';
import { Contract } from './contract.ts';
import { useService } from './support.ts';

const service = useService(useBooks());

let contract: Contract;
beforeAll(async () => {
  contract = await Contract.of(service.url, service.key);
});

describe('the document', () => {
  // That it breaks no rule of OpenAPI is seen where the types of the client are made of it: in client/schema.test.ts.
  it('is OpenAPI 3.1', () => {
    expect(contract.document).toMatchObject({ openapi: '3.1.0' });
  });

  it('has no reference that leads nowhere', () => {
    const { document } = contract;
    const references = [...JSON.stringify(document).matchAll(/"\$ref":("[^"]*")/g)].map(
      ([, text]) => JSON.parse(text!) as string,
    );
    expect(references.length).toBeGreaterThan(50);
    for (const $ref of references) expect(contract.resolve({ $ref })).toBeDefined();
  });

  it('says of each operation who may call it, how it answers, and what is sent', () => {
    const { operations } = contract;
    for (const { name, method, security, responses, requestBody } of operations) {
      expect(security, name).toBeInstanceOf(Array);
      expect(Object.keys(responses), name).toEqual(expect.arrayContaining(['200', '400', '503']));
      expect(requestBody !== undefined, name).toBe(method === 'POST');
    }
  });

  it('names the headers of calls and answers, and how each kind of route refuses', () => {
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
        ...(path.endsWith('{batchId}') ? [404, 422] : []),
      ];
      const documented = Object.keys(responses).map(Number);
      expect(documented.filter((status) => status >= 400).sort(), name).toEqual(refusals.sort());
      expect(Object.keys(responses[503]!.headers ?? {}), name).toEqual(['Retry-After']);
      for (const status of isWrite ? [200, 422] : [])
        expect(Object.keys(responses[status]!.headers ?? {}), name).toContain('Idempotency-Hit');
    }
  });

  it('is what answers are held against: one that lacks a field, or has one too many, is found', async () => {
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

  it('is what the results in a refused batch are held against, and the status that its problem tells', async () => {
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
