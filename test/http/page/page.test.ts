import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import type { App } from '../../../src/http/app.ts';
import { servePage } from '../../../src/http/page/page.ts';
import { useBooks } from '../../support/books.ts';
import { makeFolder } from '../../support/folders.ts';
import { useService } from '../support.ts';

const books = useBooks();
const service = useService(books);

const ask = (path: string, method = 'GET') => fetch(`${service.url}${path}`, { method });

/** Paths of the files that the page names. */
async function assets(): Promise<string[]> {
  const html = await (await ask('/')).text();
  return [...html.matchAll(/(?:src|href)="\.(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
}

describe('the page of the service', () => {
  it('it is at the root, without a key, and every browser asks for it anew', async () => {
    const page = await ask('/');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(await page.text()).toContain('<title>Pincex</title>');
  });

  it('its script, style and icon need no key, and are kept for good by their hash', async () => {
    const paths = await assets();
    expect(paths.map((path) => /-[\w-]{8}\.(\w+)$/.exec(path)?.[1]).toSorted()).toEqual(['css', 'js', 'svg']);
    for (const path of paths) {
      const { status, headers } = await ask(path);
      expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    }
  });

  it('it has no script and no style of its own in the HTML, and asks no other host', async () => {
    const html = await (await ask('/')).text();
    expect(html).not.toMatch(/<style|style=|<script(?![^>]* src=)|\son\w+=|https?:/);
    const { headers } = await ask('/');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('HEAD has the headers alone, and other methods are refused with those that are taken', async () => {
    const head = await ask('/', 'HEAD');
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBe(Buffer.byteLength(await (await ask('/')).text()));
    const post = await ask('/', 'POST');
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  it.each([
    '/assets/',
    '/assets/nothing.js',
    '/assets/../index.html',
    '/index.html',
    '/assets/%2e%2e/index.html',
  ])('a file that is not of the page needs a key like every unknown path: %s', async (path) => {
    expect((await ask(path)).status).toBe(401);
  });

  it('a service whose page was not built says how to build it', async () => {
    const app = Fastify() as App;
    servePage(app, makeFolder('unbuilt'));
    const answer = await app.inject('/');
    expect(answer.statusCode).toBe(404);
    expect(answer.body).toContain('npm run build');
  });
});
