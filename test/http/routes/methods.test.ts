import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Pincex } from '../../../src/index.ts';
import { useBooks } from '../../support/books.ts';
import { Contract } from '../document/contract.ts';
import { makeKey, textOf, useService } from '../support.ts';

const books = useBooks();
const service = useService(books);

let contract: Contract;
beforeAll(async () => {
  contract = await Contract.of(service.url, service.key);
});

const ask = async (method: string, path: string, key = service.key) => {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await fetch(service.url + path, { method, headers, redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, text: await textOf(answer) };
};

describe('a path that exists', () => {
  it('a path that exists answers another method with 405 and the methods that it takes', async () => {
    for (const { method, path } of contract.operations) {
      const url = path.replace('{batchId}', 'b');
      const allow = method === 'GET' ? 'GET, HEAD, OPTIONS' : 'OPTIONS, POST';
      const others = method === 'GET' ? ['POST', 'DELETE'] : ['GET', 'HEAD', 'PUT'];
      for (const other of [...others, 'PATCH', 'PROPFIND']) {
        const refused = await ask(other, url);
        expect([refused.status, refused.headers.get('allow')], `${other} ${url}`).toEqual([405, allow]);
        expect(refused.headers.get('content-type')).toContain('application/problem+json');
        if (other === 'HEAD') continue;
        expect(JSON.parse(refused.text)).toMatchObject({
          code: 'method_not_allowed',
          status: 405,
          detail: `This path takes ${allow}: got ${other}`,
          retryable: false,
        });
      }
    }
  });

  it('a path that exists answers OPTIONS with the methods that it takes', async () => {
    const asked = await ask('OPTIONS', '/v1/batches');
    expect([asked.status, asked.headers.get('allow'), asked.text]).toEqual([204, 'OPTIONS, POST', '']);
  });

  it('another method is refused before its body is read, whatever that is', async () => {
    const headers = { authorization: `Bearer ${service.key}`, 'content-type': 'text/plain' };
    const put = await fetch(`${service.url}/v1/batches`, { method: 'PUT', headers, body: 'x' });
    expect(put.status).toBe(405);
  });

  it('the methods of a path are not told without the key that it needs', async () => {
    for (const method of ['GET', 'OPTIONS'])
      expect((await ask(method, '/v1/batches', 'none')).status).toBe(401);
    expect((await ask('GET', '/v1/batches', await makeKey(service.pincex, 'read'))).status).toBe(403);
    expect((await ask('POST', '/healthz', 'none')).status).toBe(405);
    expect((await ask('OPTIONS', '/healthz', 'none')).status).toBe(204);
  });

  it('HEAD is answered as GET, without a body, and reads no table', async () => {
    const stream = vi.spyOn(Pincex.prototype, 'streamJournal');
    onTestFinished(() => {
      stream.mockRestore();
    });
    for (const { method, path } of contract.operations) {
      if (method !== 'GET' || path.includes('{')) continue;
      const [get, head] = [await ask('GET', path), await ask('HEAD', path)];
      expect([head.status, head.headers.get('content-type')], path).toEqual([
        get.status,
        get.headers.get('content-type'),
      ]);
      expect(head.text).toBe('');
    }
    expect(stream).toHaveBeenCalledTimes(1);
  });
});

it('a path that does not exist is not found, whatever the method', async () => {
  for (const method of ['GET', 'POST', 'OPTIONS', 'PROPFIND'])
    expect((await ask(method, '/v1/nothing')).status).toBe(404);
});
