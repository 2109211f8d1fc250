import { describe, expect, it } from 'vitest';
import { useBooks } from '../../support/books.ts';
import { serve, useService } from '../support.ts';

const books = useBooks();
const PAGE = 'https://app.example';

const corsOf = (headers: Headers): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));

const preflight = (url: string, origin: string) =>
  fetch(`${url}/v1/batches`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key,request-timeout',
    },
  });

describe('a page of an origin that is allowed', () => {
  const service = useService(books, { corsOrigins: [PAGE, 'http://localhost:3000'] });

  it.each([PAGE, 'http://localhost:3000'])(
    'a page of an allowed origin may call the service from a browser: %s',
    async (origin) => {
      const asked = await preflight(service.url, origin);
      expect([asked.status, asked.headers.get('vary')]).toEqual([204, 'Origin']);
      expect(corsOf(asked.headers)).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, HEAD, POST',
        'access-control-allow-headers': expect.stringMatching(
          /Authorization, Content-Type, Idempotency-Key.*Request-Timeout/,
        ) as string,
      });
      const { headers } = await service.get('/v1/limits', { origin });
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-expose-headers')).toContain('Retry-After');
      expect(headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  it('a page of an allowed origin may read why it was refused', async () => {
    for (const [path, status] of [
      ['/v1/limits', 401],
      ['/v1/nothing', 401],
    ] as const) {
      const refused = await fetch(service.url + path, { headers: { origin: PAGE } });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([status, PAGE]);
    }
  });
});

describe('a page of another origin', () => {
  const service = useService(books, { corsOrigins: [PAGE] });

  it.each(['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'null'])(
    'a page of another origin may not call the service: %s',
    async (origin) => {
      const asked = await preflight(service.url, origin);
      // The preflight is refused like any other call without a key.
      expect([asked.status, corsOf(asked.headers), asked.headers.get('vary')]).toEqual([401, {}, 'Origin']);
      const { status, headers } = await service.get('/v1/limits', { origin });
      expect([status, corsOf(headers)]).toEqual([200, {}]);
    },
  );
});

it('no page may call the service where no origin is allowed', async () => {
  const service = await serve(books);
  expect((await preflight(service.url, PAGE)).status).toBe(401);
  const { headers } = await service.get('/v1/limits', { origin: PAGE });
  expect([corsOf(headers), headers.get('vary')]).toEqual([{}, null]);
});
