import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { App } from '../app.ts';
import { Problem } from '../problems/problem.ts';

/** Where the build puts the page; the same path from src/ and from dist/. */
const FOLDER = fileURLToPath(new URL('../../../dist/page/', import.meta.url));

/** The page loads everything from the service itself, makes no HTML of texts, and no other page may frame it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface PageFile {
  readonly url: string;
  readonly type: string;
  readonly cacheControl: string;
  readonly content: Buffer;
}

/** Serves the page, whose few files are read once. They have no data of the exchange, so they need no key. */
export function servePage(app: App, folder = FOLDER): void {
  const files = filesOf(folder);
  for (const { url, type, cacheControl, content } of files)
    app.get(url, { config: { public: true }, schema: { hide: true } }, (_, reply) =>
      reply
        .headers({ ...HEADERS, 'cache-control': cacheControl })
        .type(type)
        .send(content),
    );
  if (files.length > 0) return;
  app.get('/', { config: { public: true }, schema: { hide: true } }, () => {
    throw new Problem(
      'not_found',
      'The page was not built: run `npm run build`. /docs describes the service',
    );
  });
}

/** The built files, none if there are none. A name in `assets/` has a hash of its content, so its content never changes. */
function filesOf(folder: string): PageFile[] {
  return namesIn(folder).map((name) => {
    const isIndex = name === 'index.html';
    const type = TYPES[path.extname(name)];
    if (type === undefined) throw new Error(`The page has a file of an unknown type: ${name}`);
    return {
      url: isIndex ? '/' : `/${name}`,
      type,
      cacheControl: isIndex ? 'no-cache' : 'public, max-age=31536000, immutable',
      content: readFileSync(path.join(folder, name)),
    };
  });
}

function namesIn(folder: string): string[] {
  try {
    const assets = readdirSync(path.join(folder, 'assets')).map((name) => `assets/${name}`);
    return ['index.html', ...assets];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
