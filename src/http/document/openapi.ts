import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyContextConfig } from 'fastify';
import type { App } from '../app.ts';
import { components } from '../schemas/common.ts';
import { documented, TAGS } from './operation.ts';
import { mixedItem, mixedNames } from '../schemas/items.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route writes, and accepts an `Idempotency-Key`. */
    readonly isWrite?: true;
    /** A parameter of the query names something that may not be there. */
    readonly namesOne?: true;
  }
}

const PAGE = '/docs';
const DOCUMENT = '/openapi.json';

/** The page loads everything from the service itself, and no other page may frame it. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

/** Shown in place of the logo of the library that makes the page. */
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32"><text x="4" y="24" font-family="sans-serif" font-size="24" font-weight="bold" fill="#fff">Pincex</text></svg>`;

/**
 * Describes every route that is registered after it.
 *
 * @param isOpen whether programs of this machine read the document and its page without a key
 */
export async function registerDocument(app: App, version: string, isOpen: boolean): Promise<void> {
  // The library registers the routes of the page, so their access is set here, before any hook reads it.
  const access = {
    scope: 'read' as const,
    isPage: true as const,
    ...(isOpen && { openHere: true as const }),
  };
  app.addHook('onRoute', (route) => {
    if (route.url === DOCUMENT || route.url.startsWith(PAGE)) {
      route.config = { ...route.config, ...access };
      route.onSend = (_request, reply, _payload, done) => {
        reply.headers(PAGE_HEADERS);
        done();
      };
    }
    route.schema = { ...route.schema, security: securityOf(route.config) };
  });
  for (const { name, schema } of components()) app.addSchema({ ...schema, $id: name });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Pincex',
        version,
        description:
          'The batch engine of an exchange: accounts, funds, orders and trades, many at a time. The examples succeed one after the other on empty books.',
        contact: { name: 'Pincex' },
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'The server of this document' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API key that has every scope that the operation names, or `admin`.',
          },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ schema: documented(schema, route.config), url }),
    transformObject: (document) =>
      'openapiObject' in document ? withMapping(document.openapiObject) : document.swaggerObject,
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  });
}

/** Adds the mapping of commands to components. Ajv refuses it in the schemas that validate calls. */
function withMapping<Document extends { readonly components?: object }>(document: Document): Document {
  const { schemas } = document.components as { schemas: Record<string, { discriminator?: object }> };
  const mapping = Object.fromEntries(
    Object.entries(mixedNames).map(([command, name]) => [command, `#/components/schemas/${name}`]),
  );
  const schema = schemas[mixedItem.name];
  if (schema !== undefined) schema.discriminator = { ...schema.discriminator, mapping };
  return document;
}

/** The scopes that a key needs, all of them, in the document's form; empty for public routes. */
function securityOf({ public: isPublic, scope = [] }: FastifyContextConfig = {}): Record<string, string[]>[] {
  return isPublic ? [] : [{ key: typeof scope === 'string' ? [scope] : [...scope] }];
}

/** Serves the document, and a page to read it and to try calls. */
export async function serveDocument(app: App): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: PAGE,
    theme: { title: 'Pincex' },
    logo: { type: 'image/svg+xml', content: LOGO },
  });
  let text: string | undefined;
  app.get(DOCUMENT, { schema: { hide: true } }, async (request, reply) => {
    // Routes no longer change, and making the document keeps the process busy.
    text ??= JSON.stringify(app.swagger());
    await request.chargeBytes(text.length);
    return reply.type('application/json; charset=utf-8').serializer(String).send(text);
  });
}
