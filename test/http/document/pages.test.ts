import { describe, expect, it } from 'vitest';
import { useBooks } from '../../support/books.ts';
import { until } from '../../support/waiting.ts';
import { useService } from '../support.ts';
import { dial, type Wire } from '../wire.ts';

const books = useBooks();
const service = useService(books);

/** Everything that came on a connection that the service ends. */
async function answerOn(wire: Wire): Promise<string> {
  await until('the answer', () => wire.isClosed);
  return wire.received;
}

describe('the documentation of a service on a loopback address', () => {
  it.each(['/docs/', '/docs/static/swagger-initializer.js', '/docs/json', '/openapi.json'])(
    'the documentation is shown in no frame, runs no foreign script and is taken for no other type: %s',
    async (path) => {
      const { status, headers } = await fetch(`${service.url}${path}`);
      expect(status).toBe(200);
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'self';.* frame-ancestors 'none'$/,
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    },
  );

  it.each(['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'])(
    'the documentation needs a key of callers who come by a proxy (%s)',
    async (name) => {
      const ask = (key?: string) =>
        fetch(`${service.url}/docs/`, {
          headers: { [name]: '192.0.2.1', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        });
      expect((await ask()).status).toBe(401);
      expect((await ask(service.key)).status).toBe(200);
    },
  );

  it('the documentation needs a key of callers who ask for another host name', async () => {
    const wire = await dial(service.url);
    wire.send('GET /docs/ HTTP/1.1\r\nHost: exchange.example\r\nConnection: close\r\n\r\n');
    expect(await answerOn(wire)).toMatch(/^HTTP\/1.1 401 /);
  });
});

describe('a header or charset that is given twice', () => {
  it.each(['Authorization', 'Content-Type', 'Request-Timeout'])(
    'a header that is given twice is refused: %s',
    async (name) => {
      const wire = await dial(service.url);
      wire.send(
        `GET /v1/limits HTTP/1.1\r\nHost: x\r\n${name}: a\r\n${name}: b\r\nConnection: close\r\n\r\n`,
      );
      const answer = await answerOn(wire);
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toContain(`${name} is given once: got 2`);
    },
  );

  it.each([
    'utf-8; charset=utf-8',
    'utf-8; charset=utf-16',
    'utf-16; charset=utf-8',
    'utf-8; charset = "latin1"',
  ])('a charset that is given twice is refused: %s', async (charsets) => {
    const answer = await service.post<{ code: string }>(
      '/v1/accounts/batch-get',
      { userIds: [], currencies: [] },
      { 'content-type': `application/json; charset=${charsets}` },
    );
    expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_media_type']);
  });
});
